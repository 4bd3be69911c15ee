/*
 * Is RCU watching this CPU? A counter and two nesting depths, nothing else, so that entry code and
 * tracers can use them; grace periods live higher up and only read the counter.
 *
 * The counter's lowest bit is set while RCU watches. Idle and user mode are extended
 * quiescent states: RCU ignores the CPU there, so whoever enters the kernel from them must say so
 * before the first reader. An NMI or a breakpoint may come before or after that was said, which is
 * why it has a depth of its own.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct watch {
	u32 counter;	 /* +1 at each change between watching (odd) and not (even) */
	u16 nesting;	 /* reasons to watch: the task itself, and irqs nested on it */
	u16 nmi_nesting; /* NMI-like contexts: +2 each, and +1 for the one that had to start the watching */
} __aligned(8);
static_assert(sizeof(struct watch) == 8, "a trap's record takes it in one word");
static_assert(offsetof(struct watch, nesting) == 4,
	      "syscall.asm does rcu_user_exit() and rcu_user_enter() itself");
static_assert((TASK_STACK_SIZE + 3 * IST_STACK_SIZE) / TRAP_FRAME_SIZE < 1u << 15,
	      "a recursion that ends with the stack must not overflow nmi_nesting");
DECLARE_PER_CPU(struct watch, watch);

/*
 * The scheduler's share: readers keep preemption off, so a CPU that has looked for another thread to run has no reader
 * from before.
 */
struct quiescent {
	u64 switches; /* +1 at each look, before it */
	bool wanted;  /* somebody waits for it: the next reschedule interrupt has this CPU look */
};
DECLARE_PER_CPU(struct quiescent, quiescent);

/* Any context, before or after anything. */
static __always_inline bool rcu_is_watching(void) { return this_cpu(watch).counter & 1; }

/*
 * Around an NMI, int3 or #DB handler, from any state, nested to any depth. Hidden code. These are
 * functions of their own, not inlined: a probe on them is what the thread is about.
 */
void rcu_nmi_enter(void);
void rcu_nmi_exit(void);

/* Around an interrupt handler; interrupts off. */
void rcu_irq_enter(void);
void rcu_irq_exit(void);

/* Around idle; interrupts off, nesting 1. */
void rcu_idle_enter(void);
void rcu_idle_exit(void);

/*
 * Around user mode, the same: the last thing on the way there, when nothing may be traced any more, and the first on
 * the way back. NMIs don't need them.
 */
void rcu_user_enter(void);
void rcu_user_exit(void);

/*
 * Waits for an interrupt, with RCU not watching. Idle threads, and boot before there are any: preemption and
 * interrupts off; interrupts are on when it returns.
 */
void cpu_idle(void);
