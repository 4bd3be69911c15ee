/* The C side of the vectors: declared here, where the stubs are; defined in kernel/traps.c. Hidden code. */
#pragma once

#include "arch/x86/entry/pt_regs.h"

/* The stubs of NMI-like vectors push a struct trap_record (context/trap.h) for their handlers. */
#define TRAP_RECORD_SIZE 96

void do_int3(struct pt_regs *regs);
void do_debug(struct pt_regs *regs);
void do_nmi(struct pt_regs *regs);
void do_machine_check(struct pt_regs *regs);
void do_double_fault(struct pt_regs *regs);
/* The other vectors below 32. */
void do_exception(struct pt_regs *regs);
/* Vectors 32 and up. */
void do_irq(struct pt_regs *regs);
/* kernel/irq.c. Hardirq context, an interrupt's first visible code: calls the line's handler and acknowledges it. */
void irq_dispatch(unsigned irq);
