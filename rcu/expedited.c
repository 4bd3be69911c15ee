/* A grace period at once, by whoever wants it: the CPUs that may have readers are interrupted. */
#include "rcu/internal.h"
#include "sched/mutex.h"

static struct mutex expedited_mutex;
static u64 expedited_seq; /* as gp_seq; written under the mutex */
u64 rcu_expedited_done;

/* Whoever waited for the mutex while somebody else's began and ended has had his. */
void synchronize_rcu_expedited(void)
{
	static struct rcu_wait w = { .flavour = "rcu_sched expedited" };
	u64 seq = rcu_seq_snap(&expedited_seq);

	mutex_lock(&expedited_mutex);
	if (expedited_seq < seq) {
		/* Both full barriers, as in gp.c. */
		__atomic_fetch_add(&expedited_seq, 1, __ATOMIC_SEQ_CST);
		rcu_wait_for_cpus(&w, true);
		rcu_stall_end(&w);
		__atomic_fetch_add(&expedited_seq, 1, __ATOMIC_SEQ_CST);
		rcu_expedited_done++;
	}
	mutex_unlock(&expedited_mutex);
}

void rcu_expedited_init(void) { mutex_init(&expedited_mutex, "synchronize_rcu_expedited"); }
