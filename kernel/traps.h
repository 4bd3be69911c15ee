/* What traps.c hands on: interrupt lines and NMIs. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

typedef void (*irq_fn)(void);

/* Boot. From now on line @irq (0-15) calls @fn, in hardirq context, and is unmasked. */
void irq_set_handler(unsigned irq, irq_fn fn);
/* Hardirq context. Calls the line's handler and acknowledges it. */
void irq_dispatch(unsigned irq);
/* NMI context. */
void nmi_arrived(struct pt_regs *regs);

/* Waits for an interrupt, with RCU not watching. Thread context, interrupts off; they are on when it returns. */
void cpu_idle(void);

extern u64 nmi_count;
