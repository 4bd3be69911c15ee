/*
 * Every context that a CPU can be in, on purpose: each function gets there, calls @event there, and comes back.
 *
 * Thread context, preemption allowed; one at a time, on one CPU.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"

typedef void context_fn(void (*event)(void));

context_fn in_thread, with_irqs_off, in_irq;
/* As in idle, but for the halt: RCU doesn't watch. */
context_fn in_idle;
/* In the interrupt that ends a real cpu_idle(). */
context_fn in_irq_in_idle;

/* Interrupts off. @fn will be called by an interrupt as soon as they are on. */
void send_irq(void (*fn)(void));

/* @event is called here, while CPU other_cpu (another one) runs a thread, or is in ring 3 (after ring3_make()). */
extern u32 other_cpu;
context_fn other_in_thread, other_in_user;
