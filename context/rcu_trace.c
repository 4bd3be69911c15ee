/* A reader counts itself in and out, each time on whatever CPU it is then. */
#include "context/rcu_trace.h"

#include "lib/compiler.h"

DEFINE_PER_CPU(struct rcu_trace_counts, rcu_trace_counts);
ACCOUNT(4, u32, rcu_trace_reader);
u32 rcu_trace_index;

static __always_inline void full_barrier(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/*
 * noinstr, both: they are for code that runs where nothing else may be called yet. The word is written last and at once:
 * an interrupt or NMI before that finds no reader, counts itself in and out, and leaves the word as it was.
 */
noinstr void rcu_read_lock_trace(void)
{
	u32 reader = this_cpu(rcu_trace_reader);

	if (!reader) {
		reader = READ_ONCE(rcu_trace_index) & 1;
		RCU_TRACE_COUNT(rcu_trace_counts.began, reader);
		full_barrier(); /* counted, before anything is looked at */
	}
	this_cpu(rcu_trace_reader) = reader + 2;
}

noinstr void rcu_read_unlock_trace(void)
{
	u32 reader = this_cpu(rcu_trace_reader) - 2;

	if (reader > 1) {
		this_cpu(rcu_trace_reader) = reader;
		return;
	}
	this_cpu(rcu_trace_reader) = 0;
	full_barrier(); /* all that was looked at, before it is counted */
	RCU_TRACE_COUNT(rcu_trace_counts.ended, reader);
}
