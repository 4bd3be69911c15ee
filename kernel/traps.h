/* What traps.c hands on: interrupt lines, and NMIs (kernel/nmi.h). */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "kernel/nmi.h"
#include "lib/compiler.h"
#include "lib/types.h"

typedef void (*irq_fn)(void);

/* Boot. From now on line @irq (0-15) calls @fn, in hardirq context, and is unmasked. */
void irq_set_handler(unsigned irq, irq_fn fn);
/* Boot. Vector @vector, one of the local APIC's, calls @fn in hardirq context. */
void vector_set_handler(unsigned vector, irq_fn fn);

/*
 * User mode's; until there is any, tests'. Called for every exception from user mode, int3 and #DB included (then in
 * NMI-like context), interrupts off. True: @regs are where to go on. False, or NULL: nobody takes it, which is a
 * panic.
 */
extern bool (*user_trap)(struct pt_regs *regs);

/* NMI-like context. Panics with what the machine says of it. */
void __noreturn die_of_machine_check(struct pt_regs *regs);
