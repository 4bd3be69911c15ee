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

/* Not a thread that may block, or not one that is preemptible: any depth at all, in one test. */
static __always_inline bool in_atomic(void) { return context_read() & ~CONTEXT_NO_RESCHED; }

/* One instruction: an interrupt may clear the need-resched bit at any time, and must not find it put back. */
static __always_inline void context_add(u32 n)
{
	__asm__ volatile("addl %1, %0" : "+m"(this_cpu(context_word)) : "ri"(n) : "memory", "cc");
}
static __always_inline void context_sub(u32 n)
{
	__asm__ volatile("subl %1, %0" : "+m"(this_cpu(context_word)) : "ri"(n) : "memory", "cc");
}

/* sched/'s: gives the CPU to whoever deserves it more. Task context, depth zero, a switch wanted. */
void preempt_schedule(void);
/* The same on the way out of an interrupt, with interrupts off. */
void preempt_schedule_irq(void);

static __always_inline void preempt_disable(void) { context_add(PREEMPT_ONE); }
static __always_inline void preempt_enable_no_resched(void) { context_sub(PREEMPT_ONE); }
static __always_inline void preempt_enable(void)
{
	bool zero;

	/* Depth, other contexts and the inverted need-resched bit, in one test. */
	__asm__ volatile("subl $1, %0" : "+m"(this_cpu(context_word)), "=@ccz"(zero) : : "memory");
	if (unlikely(zero))
		preempt_schedule();
}
/* Any context. Has somebody asked for this CPU? */
static __always_inline bool need_resched(void) { return !(context_read() & CONTEXT_NO_RESCHED); }
static __always_inline void set_need_resched(void)
{
	__asm__ volatile("andl %1, %0" : "+m"(this_cpu(context_word)) : "i"(~CONTEXT_NO_RESCHED) : "cc");
}
static __always_inline void clear_need_resched(void)
{
	__asm__ volatile("orl %1, %0" : "+m"(this_cpu(context_word)) : "i"(CONTEXT_NO_RESCHED) : "cc");
}

/* Who runs here: what trace lines are headed with. */
DECLARE_PER_CPU(s32, current_tid);
/* Thread context. The name of thread @tid into @buf; "<...>" when it has ended long ago. sched/'s. */
const char *comm_of(s32 tid, char buf[16]);
