/*
 * Entering and leaving an NMI-like context (int3, #DB, NMI), and what must be known to undo it; and the plainer way
 * of an interrupt.
 *
 * Each such trap keeps a record on its own stack frame: what it interrupted, and this CPU's
 * accounting as it was then. The records form a list, innermost first. Nothing walks it in normal
 * operation; bust_kprobes() does, to find the first trap of a recursion and to put everything back
 * as it was there.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/pt_regs.h"
#include "context/context.h"
#include "context/rcu_trace.h"
#include "context/watch.h"

/*
 * The accounting of one CPU: all that a trap changes and its return changes back. The first four and the watching lie
 * like that among the per-CPU variables, too (ACCOUNT()).
 */
struct cpu_accounts {
	u32 context_word;
	u32 guard_bits; /* trace/guard.h's */
	u32 bb_depth;
	u32 rcu_trace_reader;
	struct watch watch;
	struct {
		u32 n, unused;
	} ring_nest[2]; /* trace/ring.h's */
};

/* entry.asm pushes it, the last member first. */
struct trap_record {
	struct trap_record *outer;
	struct cpu_accounts before;
	u64 cr2;
	u64 flags, ip; /* of regs at entry: a handler may change them */
	struct pt_regs *regs;
};
static_assert(sizeof(struct trap_record) == TRAP_RECORD_SIZE, "entry.asm leaves so much");

DECLARE_PER_CPU(struct trap_record *, trap_top);
DECLARE_PER_CPU(u32, guard_bits);
/* Where this CPU's two rings count trace records begun and not yet committed or given up. */
DECLARE_PER_CPU(u32 *, ring_nests[2]);
DECLARE_PER_CPU(u32, step_depth); /* kprobe/'s: instructions being stepped, one inside the other */
/* In one instruction, where the compiler takes two. */
static __always_inline bool stepping(void)
{
	bool any;

	__asm__ volatile("cmpl $0, %1" : "=@ccnz"(any) : "m"(this_cpu(step_depth)));
	return any;
}

static __always_inline void accounts_save(struct cpu_accounts *a)
{
	a->context_word = this_cpu(context_word);
	a->guard_bits = this_cpu(guard_bits);
	a->ring_nest[0].n = *this_cpu(ring_nests[0]);
	a->ring_nest[1].n = *this_cpu(ring_nests[1]);
	a->bb_depth = this_cpu(bb_depth);
	a->rcu_trace_reader = this_cpu(rcu_trace_reader);
	a->watch.counter = this_cpu(watch).counter;
	a->watch.nesting = this_cpu(watch).nesting;
	a->watch.nmi_nesting = this_cpu(watch).nmi_nesting;
}

/* As entry.asm does it, for the handlers of other vectors. */
static __always_inline void trap_record_link(struct trap_record *t, struct pt_regs *regs)
{
	t->outer = this_cpu(trap_top);
	t->regs = regs;
	t->ip = regs->ip;
	t->flags = regs->flags;
	t->cr2 = read_cr2();
	accounts_save(&t->before);
	this_cpu(trap_top) = t;
	barrier();
}
static __always_inline void trap_record_unlink(struct trap_record *t)
{
	barrier();
	this_cpu(trap_top) = t->outer;
}

/*
 * The order: the record first, which is linked by now, so that a recursion in what follows can be undone; then the
 * context word, so that whatever runs knows it is NMI-like; then RCU. Instrumentation only after all three.
 */
static __always_inline void trap_enter(void)
{
	context_add(NMI_ONE);
	rcu_nmi_enter();
}

/* The reverse order. */
static __always_inline void trap_exit(void)
{
	rcu_nmi_exit();
	context_sub(NMI_ONE);
}

/* The end of a #PF: whatever NMI-like it came in the middle of may have interrupted another, which hasn't looked at CR2 yet. */
static __always_inline void trap_restore_cr2(void)
{
	const struct trap_record *t = this_cpu(trap_top);

	if (t)
		write_cr2(t->cr2);
}

/*
 * Around an interrupt handler, interrupts off. The context word first: an NMI that comes before RCU watches must see
 * that this is no task any more. Then RCU, before anything that may be traced. Leaving, in reverse: the last that
 * goes is what says that nobody may be switched to.
 */
static __always_inline void irqentry_enter(void)
{
	context_add(HARDIRQ_ONE);
	rcu_irq_enter();
}

static __always_inline void irqentry_exit(void)
{
	rcu_irq_exit();
	context_sub(HARDIRQ_ONE);
}
