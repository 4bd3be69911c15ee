/* What traps.c hands on: interrupt lines, and NMIs (kernel/nmi.h). */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "kernel/nmi.h"
#include "lib/compiler.h"
#include "lib/types.h"

typedef void (*irq_fn)(void);

/* Boot. From now on line @irq (0-15) calls @fn, in hardirq context, and is unmasked. */
void irq_set_handler(unsigned irq, irq_fn fn);
/* Task or hardirq context. Line @irq may not ask, or may. And it is for who had it from irq_set_handler(), if anybody did. */
void irq_mask(unsigned irq);
void irq_unmask(unsigned irq);
void irq_give_back(unsigned irq);
/* Boot. Vector @vector, one of the local APIC's, calls @fn in hardirq context. */
void vector_set_handler(unsigned vector, irq_fn fn);

/*
 * Tests'. Called for every exception of a thread in user mode that has no process, task context, interrupts off. True: @regs are
 * where to go on. False, or NULL: nobody takes it, which is a panic.
 */
extern bool (*user_trap)(struct pt_regs *regs);

/*
 * Hidden, thread context, interrupts off: to user mode, at @ip with @sp and two arguments. What the thread's stack has below
 * rsp[0] of the TSS is no more.
 */
void __noreturn user_enter(u64 ip, u64 sp, u64 arg0, u64 arg1);

/* NMI-like context. Panics with what the machine says of it. */
void __noreturn die_of_machine_check(struct pt_regs *regs);
