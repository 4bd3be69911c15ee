/*
 * Who gets a trap first: trap dispatch on one page, in the order things are asked. What comes from user mode is user.c's.
 *
 * The outer functions are hidden: they run while context and RCU are not yet, or no longer,
 * accounted for. What stands between instrumentation_begin() and _end() may call anything.
 */
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/mce.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "kernel/iret_demo.h"
#include "kernel/nmi_steps.h"
#include "kernel/panic.h"
#include "kernel/printk.h"
#include "kernel/traps.h"
#include "kprobe/bust.h"
#include "kprobe/kprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/instrumentation.h"
#include "lib/tracepoint.h"
#include "trace/guard.h"

static DEFINE_PER_CPU(u64, gone_before);

/*
 * The int3 was taken out between the trap and now, or belongs to an exchange or to a probe that has just begun: in any case
 * the instruction can be tried again. The same place twice in a row is an emulator that still has the old
 * translation (docs/TRICKS.md, "An int3 that isn't there").
 */
static __kprobes bool int3_is_gone(struct pt_regs *regs)
{
	u64 addr = regs->ip - 1;

	if (*(volatile u8 *)addr == INT3_BYTE && !text_poke_pending(addr) && !kprobe_at(addr))
		return false;
	if (this_cpu(gone_before) == addr)
		text_refresh((void *)addr);
	this_cpu(gone_before) = addr;
	regs->ip = addr;
	return true;
}

static __always_inline void int3(struct pt_regs *regs)
{
	/* 2. From here on this is NMI-like, and RCU is watching. */
	trap_enter();
	instrumentation_begin();
	/*
	 * 3. kprobes; 4. an int3 listed as expected; 5. the end of a probe's copy, where the stub couldn't end it; 6. an NMI to
	 * come; 7. a probe just gone; 8. nobody.
	 */
	if (!kprobe_trap(regs) && !extable_lookup(regs) && !iret_demo_int3(regs) && !kprobe_copy_done(regs) &&
	    !nmi_steps_int3(regs) && !int3_is_gone(regs))
		panic_regs(regs, "int3 that nobody placed at %pS", (void *)(regs->ip - 1));
	instrumentation_end();
	trap_exit();
}

/* By one policy a flag comes before all this: who finds it taken calls nobody, and so no function that may have a probe in it. */
static noinstr noinline void int3_flag_first(struct pt_regs *regs)
{
	bool taken = !guard_taken(GUARD_FLAG);

	if (taken)
		guard_set(GUARD_FLAG);
	else if (kprobe_without_effect(regs) || step_end_without_effect(regs))
		return;
	int3(regs);
	if (taken)
		guard_clear(GUARD_FLAG);
}

noinstr void do_int3(struct pt_regs *regs)
{
	/* 1. Live patching: asked before any accounting, so it needs none. */
	if (text_poke_int3(regs))
		return;
	if (static_branch_unlikely(&flag_first_key))
		int3_flag_first(regs);
	else
		int3(regs);
}

/* An instruction listed as expected to trap. If it did by TF, that was all there was to step. */
static __always_inline bool step_expected(struct pt_regs *regs)
{
	if (!extable_lookup(regs))
		return false;
	regs->flags &= ~X86_EFLAGS_TF;
	return true;
}

/* @dr7: the watchpoints, which are paused. */
static __always_inline void debug(struct pt_regs *regs, u64 dr7)
{
	u64 dr6 = read_dr6();
	bool done;

	/* The CPU only ever sets these bits; left alone, the next #DB would show this one's cause. */
	write_dr6(DR6_RESERVED);

	if (static_branch_unlikely(&flag_first_key) && !dr7 && dr6 & DR6_BS && guard_taken(GUARD_FLAG) &&
	    step_end_without_effect(regs))
		return;
	trap_enter();
	instrumentation_begin();
	/* A step and a watchpoint may have come together. */
	done = stepping() && kprobe_debug(regs, dr6);
	if (unlikely(dr7))
		done |= watchpoint_debug(regs, dr6, dr7);
	if (!done && !step_expected(regs))
		panic_regs(regs, "#DB that nobody asked for, DR6 %lx", dr6);
	instrumentation_end();
	trap_exit();
}

/* Apart, for what it keeps meanwhile. */
static noinstr noinline void debug_watched(struct pt_regs *regs)
{
	u64 dr7 = hw_breakpoint_pause();

	debug(regs, dr7);
	hw_breakpoint_resume(dr7);
}

noinstr void do_debug(struct pt_regs *regs)
{
	if (hw_breakpoint_any())
		debug_watched(regs);
	else
		debug(regs, 0);
}

noinstr void do_nmi(struct pt_regs *regs)
{
	/* It may have interrupted #DB's stub on #DB's stack: a #DB in here must not start there again. */
	u64 db_stack = ist_debug_swap(this_cpu(debug_stack_in_nmi));
	/* The same stub hasn't read its cause yet: a #DB in here would clear it. */
	u64 dr6 = read_dr6();

	trap_enter();
	this_cpu(context_word) |= CONTEXT_REAL_NMI;
	instrumentation_begin();
	nmi_arrived(regs);
	instrumentation_end();
	this_cpu(context_word) = (this_cpu(context_word) & ~CONTEXT_REAL_NMI) |
				 (this_cpu(trap_top)->before.context_word & CONTEXT_REAL_NMI);
	trap_exit();
	write_dr6(dr6);
	ist_debug_swap(db_stack);
}

/* It doesn't give #DB another stack as do_nmi() does: there is no way back to a #DB it has interrupted. */
noinstr void do_machine_check(struct pt_regs *regs)
{
	trap_enter();
	instrumentation_begin();
	/* "int 18" comes here, too, and may be listed as expected. */
	if (mce_in_progress() || !extable_fixup(regs))
		die_of_machine_check(regs);
	instrumentation_end();
	trap_exit();
}

/* A stack ran out: either a recursion of traps or of callbacks, which can be undone, or the end. */
static __always_inline bool undo_recursion(struct pt_regs *regs)
{
	struct trap_record t;

	if (!bust_kprobes(regs))
		return give_up_calls(regs);
	trap_record_link(&t, regs);
	trap_enter();
	instrumentation_begin();
	printk_recovered();
	warn_recovered();
	bust_report();
	instrumentation_end();
	trap_exit();
	trap_record_unlink(&t);
	return true;
}

/* In .entry.text, with all it calls before probes are disarmed: no setting opens that section to a probe. */
__emergency void do_double_fault(struct pt_regs *regs)
{
	const struct kstack *stack;

	if (undo_recursion(regs))
		return;
	instrumentation_begin();
	stack = stack_guarded_at(read_cr2());
	if (stack)
		panic_regs(regs, "the %s stack overflowed", stack->name);
	panic_regs(regs, "double fault");
}

static const char *access_name(u64 error)
{
	if (error & 16)
		return "execute";
	return error & 2 ? "write" : "read";
}

static void __noreturn die_of_exception(struct pt_regs *regs)
{
	u64 addr = read_cr2();
	char buf[8];

	if (regs->vector != X86_TRAP_PF)
		panic_regs(regs, "%s, error code %lx", vector_name((unsigned)regs->vector, buf), regs->error);
	if (stack_guarded_at(addr))
		panic_regs(regs, "the %s stack overflowed", stack_guarded_at(addr)->name);
	panic_regs(regs, "page fault: cannot %s %016lx%s%s", access_name(regs->error), addr,
		   regs->error & 1 ? ", which is mapped otherwise" : ", which is not mapped",
		   addr < PAGE_SIZE ? " (NULL pointer?)" : "");
}

noinstr void do_exception(struct pt_regs *regs)
{
	/* #DB's stub may copy its frame to the interrupted stack: this is how the end of that stack shows. */
	if (regs->vector == X86_TRAP_PF && stack_guarded_at(read_cr2()) && undo_recursion(regs))
		return;
	rcu_irq_enter();
	instrumentation_begin();
	tracepoint(exception_entry, (int)regs->vector, regs->ip, regs->error);
	if (regs->vector == X86_TRAP_PF)
		tracepoint(page_fault_kernel, read_cr2(), regs->ip, regs->error);
	if (!kprobe_fault(regs) && !extable_fixup(regs) && !iret_demo_fault(regs))
		die_of_exception(regs);
	tracepoint(exception_exit, (int)regs->vector, regs->ip);
	instrumentation_end();
	rcu_irq_exit();
	if (regs->vector == X86_TRAP_PF)
		trap_restore_cr2();
}

noinstr void do_irq(struct pt_regs *regs)
{
	irqentry_enter();
	instrumentation_begin();
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_begin();
	irq_dispatch((unsigned)regs->vector - IRQ_BASE_VECTOR);
	if (static_branch_unlikely(&irqsoff_key) && context_read() != HARDIRQ_ONE)
		irqsoff_end();
	instrumentation_end();
	irqentry_exit();
	/* Back in a task that may be preempted, and somebody has asked: not in idle, which holds preemption off. */
	if (context_read() == 0) {
		instrumentation_begin();
		preempt_schedule_irq();
		if (static_branch_unlikely(&irqsoff_key))
			irqsoff_end();
		instrumentation_end();
	}
}
