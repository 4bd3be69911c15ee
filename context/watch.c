/* Who is watching: RCU's view of this CPU, kept so that an NMI in the middle of any of it stays right. */
#include "context/watch.h"

#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"

ACCOUNT(5, struct watch, watch) = { .counter = 1, .nesting = 1 };

DEFINE_PER_CPU(struct quiescent, quiescent);

/*
 * The change itself. A full barrier on both sides: what the CPU did while watched must not be seen
 * outside it by a CPU that reads the counter (docs/TRICKS.md, "The watching counter"). On x86 the
 * locked addition is that barrier.
 */
static __always_inline void flip(void)
{
	__asm__ volatile("lock incl %0" : "+m"(this_cpu(watch).counter) : : "memory");
}

/* One instruction, where the compiler would take three. */
static __always_inline void nmi_nesting_add(u16 n)
{
	__asm__ volatile("addw %1, %0" : "+m"(this_cpu(watch).nmi_nesting) : "ri"(n) : "memory", "cc");
}

noinstr void rcu_nmi_enter(void)
{
	/*
	 * An NMI between the test and the flip sees "not watching" too, starts the watching itself
	 * and, leaving, ends it again: when it returns the test still holds.
	 */
#ifndef MUTANT_rcu_no_nmi
	if (unlikely(!rcu_is_watching())) {
		flip();
		nmi_nesting_add(1);
		return;
	}
#endif
	nmi_nesting_add(2);
}

noinstr void rcu_nmi_exit(void)
{
	/* Exactly 1: the outermost, and it started the watching, so it ends it. */
	if (likely(this_cpu(watch).nmi_nesting != 1)) {
		nmi_nesting_add((u16)-2);
		return;
	}
	this_cpu(watch).nmi_nesting = 0;
	flip();
}

noinstr void rcu_irq_enter(void)
{
	/*
	 * The depth first, then the flip: an NMI between them starts and ends the watching by itself.
	 * A fault inside an int3 or NMI that started the watching finds it started.
	 */
	if (this_cpu(watch).nesting++ == 0 && !this_cpu(watch).nmi_nesting)
		flip();
}

noinstr void rcu_irq_exit(void)
{
	if (this_cpu(watch).nesting == 1 && !this_cpu(watch).nmi_nesting)
		flip();
	this_cpu(watch).nesting--;
}

noinstr void rcu_idle_enter(void) { rcu_irq_exit(); }
noinstr void rcu_idle_exit(void) { rcu_irq_enter(); }

/* The same as these two for one who knows that he is the only reason: a task, and nothing in the middle of which it might be. */
noinstr void rcu_user_enter(void)
{
	flip();
	this_cpu(watch).nesting = 0;
}
noinstr void rcu_user_exit(void)
{
	this_cpu(watch).nesting = 1;
	flip();
}

/* Hidden: between rcu_idle_enter() and _exit() nothing may be traced, and a probed sti would lose its shadow. */
noinstr void cpu_idle(void)
{
	rcu_idle_enter();
	safe_halt();
	raw_local_irq_disable();
	rcu_idle_exit();
	raw_local_irq_enable();
}
