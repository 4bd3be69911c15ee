/* The C side of the vectors: declared here, where the stubs are; defined in kernel/traps.c. Hidden code. */
#pragma once

#include "arch/x86/entry/pt_regs.h"

/* The stubs of NMI-like vectors push a struct trap_record (context/trap.h) for their handlers. */
#define TRAP_RECORD_SIZE 80
/* recover.asm pushes so much of a struct recovery (context/recover.h) itself. */
#define RECOVERY_SIZE 72

/*
 * A probe's step, as the stubs of int3 and #DB know it; the innermost is the step_depth'th of the CPU's "steps". When the copy
 * has come to @at, all that is left is to go on at @to, with some flags turned round. 0: that isn't all.
 */
struct step_end {
	u64 at, to;
	u16 flip;
};
#define STEP_SHIFT 5 /* of a step's size */

void do_int3(struct pt_regs *regs);
void do_debug(struct pt_regs *regs);
void do_nmi(struct pt_regs *regs);
void do_machine_check(struct pt_regs *regs);
void do_double_fault(struct pt_regs *regs);
/* The other vectors below 32. */
void do_exception(struct pt_regs *regs);
/* VECTOR_TWIN: kernel/twin.c. */
void do_twin(struct pt_regs *regs);
/* Vectors 32 and up. */
void do_irq(struct pt_regs *regs);
/* kernel/user.c. From user mode: all vectors but NMI, #MC and #DF. */
void do_user_trap(struct pt_regs *regs);
/* A system call that isn't to be called from the table at once: what goes back in rax. Thread context. */
long do_syscall(struct pt_regs *regs);
/* Interrupts off, after a system call that somebody wants the CPU of, or that is being stepped over. */
void syscall_work(struct pt_regs *regs);
/* kernel/irq.c. Hardirq context, an interrupt's first visible code: calls the line's handler and acknowledges it. */
void irq_dispatch(unsigned irq);
