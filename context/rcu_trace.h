/*
 * Readers of the tasks-trace flavour: for instrumentation that runs where RCU isn't watching, and that may block.
 *
 * Each CPU counts, under one of two indices, how many such readers began and how many ended there; a grace period
 * switches the index and waits until the sums of the old one are equal (McKenney's SRCU; the order is argued in
 * docs/TRICKS.md, "Readers where RCU doesn't watch").
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct rcu_trace_counts {
	u64 began[2], ended[2];
};
DECLARE_PER_CPU(struct rcu_trace_counts, rcu_trace_counts);
/* The running thread's: depth of its readers, times two, plus the outermost one's index. 0: none. Moves with the thread. */
DECLARE_PER_CPU(u32, rcu_trace_reader);
extern u32 rcu_trace_index;

/* One instruction: an interrupt may count in the middle of anything else, and the thread may move. */
#define RCU_TRACE_COUNT(array, i) __asm__ volatile("incq %0" : "+m"(this_cpu_at(array, i)) : : "memory")

/* For bust_kprobes(): the readers begun since the word was @before are undone; the outermost alone has been counted. */
static __always_inline void rcu_trace_undo(u32 before)
{
	u32 now = this_cpu(rcu_trace_reader);

	if (now && !before)
		RCU_TRACE_COUNT(rcu_trace_counts.ended, now & 1);
	this_cpu(rcu_trace_reader) = before;
}

/* Any context, RCU watching or not, as long as GS is the kernel's. Nests. Updaters: synchronize_rcu_tasks_trace(). */
void rcu_read_lock_trace(void);
void rcu_read_unlock_trace(void);
