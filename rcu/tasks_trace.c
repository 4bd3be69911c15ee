/* Waiting for the readers that count themselves: until as many of an index have ended as began. */
#include "context/rcu_trace.h"
#include "lib/printk.h"
#include "rcu/internal.h"
#include "sched/mutex.h"
#include "sched/timer.h"
#include "trace/clock.h"

#define POLL_NS (300 * 1000ul)

static struct mutex trace_mutex;
u64 rcu_tasks_trace_done;

static u64 sum(u32 index, bool ended)
{
	u64 n = 0;

	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		struct rcu_trace_counts *c = per_cpu_ptr(rcu_trace_counts, (u32)__builtin_ctz(up));

		n += ended ? READ_ONCE(c->ended[index]) : READ_ONCE(c->began[index]);
	}
	return n;
}

/*
 * The ends first: a reader that begins and ends between the two sums is in the second only, and waited for a round more
 * than need be. In the other order its end could stand for one that has begun and not ended.
 */
static bool all_ended(u32 index)
{
	u64 ended = sum(index, true);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return sum(index, false) == ended;
}

static void wait_for_readers(u32 index)
{
	u64 report_at = trace_clock() + rcu_stall_timeout;

	while (!all_ended(index)) {
		if (time_after_deadline(report_at)) {
			printk("rcu: INFO: rcu_tasks_trace waits for %lu readers\n",
			       sum(index, false) - sum(index, true));
			report_at = trace_clock() + rcu_stall_timeout;
		}
		sleep_ns(POLL_NS);
	}
}

/*
 * First for those who read the index before the last switch of it and count themselves only now, under what will be the
 * new index; then, switched, for all others.
 */
void synchronize_rcu_tasks_trace(void)
{
	u32 old;

	mutex_lock(&trace_mutex);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	old = rcu_trace_index & 1;
	wait_for_readers(!old);
	__atomic_fetch_add(&rcu_trace_index, 1, __ATOMIC_SEQ_CST);
	wait_for_readers(old);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	rcu_tasks_trace_done++;
	mutex_unlock(&trace_mutex);
}

void rcu_tasks_trace_init(void) { mutex_init(&trace_mutex, "synchronize_rcu_tasks_trace"); }
