/* A reader that doesn't end for a while: what the stall detector is for. Exists only with "test" on the command line. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "context/rcu_read.h"
#include "lib/ctl.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "trace/clock.h"

#define STALL_MAX_MS 60000
#define ROUNDS_MAX   200

static volatile bool stalling;

static u64 reports(void)
{
	struct rcu_stats s;

	rcu_get_stats(&s);
	return s.stalls;
}

static noinline void spin_in_a_reader(u64 until)
{
	while (!time_after_deadline(until))
		cpu_relax();
}

/*
 * As long as was asked for, and then again, until it has been noticed before the last time: a busy host may have kept the timer from
 * ringing, and who has noticed is still printing where we are.
 */
static noinline void stay_in_a_reader(u64 ns)
{
	u64 before = reports();
	bool noticed;

	for (unsigned n = 0; n < ROUNDS_MAX; n++) {
		noticed = reports() != before;
		spin_in_a_reader(trace_clock() + ns);
		if (noticed)
			break;
	}
}

static void nothing(struct rcu_head *head) {}

/* The callback is for when this is the only CPU: then only who waits already can notice. */
static int stall(void *ns)
{
	static struct rcu_head head;

	call_rcu(&head, nothing);
	rcu_read_lock();
	stalling = true;
	stay_in_a_reader((u64)ns);
	rcu_read_unlock();
	rcu_barrier();
	return 0;
}

/* The last CPU: another one than this, if there are several. */
static u32 victim(void)
{
	u32 here = this_cpu(cpu_number), others = cpus_up & ~(1u << here);

	return others ? 31 - (u32)__builtin_clz(others) : here;
}

/* A number of milliseconds: so long at least another CPU stays in a reader, and this thread waits for the grace period. */
static int stall_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct thread *t;
	u64 ms;

	if (!ctl_parse_u64(text, len, &ms) || ms > STALL_MAX_MS)
		return -EINVAL;
	stalling = false;
	thread_set_affinity(1u << this_cpu(cpu_number));
	t = thread_create("stall", stall, (void *)(ms * 1000000), current()->priority, 1u << victim());
	if (t) {
		while (!stalling)
			thread_yield();
		synchronize_rcu();
		thread_join(t);
	}
	thread_set_affinity(CPU_MASK_ALL);
	return t ? 0 : -ENOMEM;
}
CTL_FILE(ctl_test_stall, .path = "test/stall", .store = stall_store, .test_only = true);
