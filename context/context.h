/*
 * What is this CPU in? One per-CPU word that every entry and exit keeps, as Linux's preempt_count does.
 *
 *   31 … 16   15        14 … 9    8              7 … 0
 *   NMI       in a      hardirq   need-resched,  preempt depth
 *   depth     real NMI  depth     inverted
 *
 * int3 and #DB in kernel mode count as NMI-like: they may hit anywhere, so what holds in an NMI
 * handler holds in theirs. NMI depth is topmost, so an overflow could not spoil another field; it
 * cannot overflow anyway. The inverted bit makes "depth is zero and a switch is wanted" one test:
 * the whole word is zero.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/mm/stacks.h"
#include "lib/types.h"

#define PREEMPT_ONE	   (1u << 0)
#define PREEMPT_MASK	   0xffu
#define CONTEXT_NO_RESCHED (1u << 8)
#define HARDIRQ_ONE	   (1u << 9)
#define HARDIRQ_MASK	   (0x3fu << 9)
#define CONTEXT_REAL_NMI   (1u << 15)
#define NMI_ONE		   (1u << 16)
#define NMI_SHIFT	   16

static_assert((TASK_STACK_SIZE + 3 * IST_STACK_SIZE) / TRAP_FRAME_SIZE < 1u << (32 - NMI_SHIFT),
	      "a recursion that ends with the stack must not overflow the NMI depth");

DECLARE_PER_CPU(u32, context_word);

static __always_inline u32 context_read(void) { return this_cpu(context_word); }
static __always_inline unsigned nmi_depth(void) { return context_read() >> NMI_SHIFT; }
static __always_inline bool in_nmi(void) { return nmi_depth() != 0; }
static __always_inline bool in_real_nmi(void) { return context_read() & CONTEXT_REAL_NMI; }
static __always_inline bool in_hardirq(void) { return context_read() & HARDIRQ_MASK; }
static __always_inline bool in_task(void)
{
	return (context_read() & (HARDIRQ_MASK | CONTEXT_REAL_NMI)) == 0 && !in_nmi();
}
static __always_inline unsigned preempt_depth(void) { return context_read() & PREEMPT_MASK; }

static __always_inline void preempt_disable(void)
{
	this_cpu(context_word) += PREEMPT_ONE;
	barrier();
}
static __always_inline void preempt_enable(void)
{
	barrier();
	this_cpu(context_word) -= PREEMPT_ONE;
}

/* Who runs here: what trace lines are headed with. */
DECLARE_PER_CPU(s32, current_tid);
DECLARE_PER_CPU(char, current_comm[16]);
/* Any context. The name of thread @tid. There is one thread so far. */
const char *comm_of(s32 tid);
