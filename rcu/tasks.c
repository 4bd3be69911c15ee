/*
 * Waiting for threads instead of CPUs: a thread that was preempted inside a trampoline is back in it when it runs again,
 * so only its own call of schedule() says that it has left, or that it is in user mode.
 */
#include "context/watch.h"
#include "lib/printk.h"
#include "rcu/internal.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "trace/clock.h"

#define POLL_NS (1000 * 1000ul)

static struct mutex tasks_mutex;
u64 rcu_tasks_done;

/* Its CPU's counter is even and stays so while we look who runs there: a task that RCU doesn't watch is in user mode. */
static bool in_user_mode(const struct thread *t)
{
	u32 cpu = READ_ONCE(t->cpu),
	    before = __atomic_load_n(&per_cpu_ptr(watch, cpu)->counter, __ATOMIC_ACQUIRE);
	bool here = __atomic_load_n(per_cpu_ptr(current_thread, cpu), __ATOMIC_ACQUIRE) == t;

	return here && !(before & 1) && READ_ONCE(per_cpu_ptr(watch, cpu)->counter) == before;
}

static bool is_quiescent(const struct thread *t, u64 voluntary)
{
	return voluntary & 1 || t->state == THREAD_DEAD || in_user_mode(t);
}

static void mark(struct thread *t, void *arg)
{
	t->voluntary_then = __atomic_load_n(&t->voluntary, __ATOMIC_SEQ_CST);
	t->holdout = t != current() && !is_quiescent(t, t->voluntary_then);
}

struct looked {
	u32 holdouts;
	bool report;
};

static void look(struct thread *t, void *arg)
{
	struct looked *l = arg;
	u64 voluntary = __atomic_load_n(&t->voluntary, __ATOMIC_SEQ_CST);

	if (!t->holdout)
		return;
	if (voluntary != t->voluntary_then || is_quiescent(t, voluntary)) {
		t->holdout = false;
		return;
	}
	l->holdouts++;
	if (l->report)
		printk("rcu: INFO: rcu_tasks waits for thread %s (%d), on CPU %u, which hasn't blocked\n",
		       t->comm, t->tid, t->cpu);
}

/* The threads that are there now; later ones begin after what the caller took out. */
static void wait_for_threads(void)
{
	u64 report_at = trace_clock() + rcu_stall_timeout;

	thread_for_each(mark, NULL);
	for (;;) {
		struct looked l = { .report = time_after_deadline(report_at) };

		thread_for_each(look, &l);
		if (!l.holdouts)
			return;
		if (l.report)
			report_at = trace_clock() + rcu_stall_timeout;
		sleep_ns(POLL_NS);
	}
}

/*
 * The grace period before and the one after are for what no thread says: code with preemption off, as idle's and
 * schedule()'s own, and interrupt handlers.
 */
void synchronize_rcu_tasks(void)
{
	mutex_lock(&tasks_mutex);
	synchronize_rcu();
	wait_for_threads();
	synchronize_rcu();
	rcu_tasks_done++;
	mutex_unlock(&tasks_mutex);
}

/* Locked, as a full barrier: what the thread does next comes after this is seen. */
void rcu_tasks_qs(void) { __atomic_fetch_add(&current()->voluntary, 2, __ATOMIC_SEQ_CST); }

void rcu_tasks_init(void) { mutex_init(&tasks_mutex, "synchronize_rcu_tasks"); }
