/*
 * Non-maskable interrupts: who sent this one, and what it is to do.
 *
 * Whoever sends an NMI, by nmi_send(), leaves a credit with the CPU that gets it. One that finds no credit comes
 * from outside: a button, or the emulator's monitor. It reports where the CPU is.
 */
#pragma once

#include "arch/x86/cpu/apic.h"
#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

/* Any context. One NMI that doesn't go through nmi_send() (int $2) will come to CPU @cpu: it isn't from outside. */
void nmi_expect(u32 cpu);
/*
 * Task context, preemption off. After a storm of NMIs: those that were sent to this CPU have all arrived, so what
 * coalescing left of their credits is dropped. Does nothing while one is being sent.
 */
void nmi_settle(void);
/* Any context. From now on each NMI looks whether it is to stop its CPU (@on: true), or to answer for `backtrace`. */
void nmi_attention(bool on);

/* NMI context, from do_nmi(). */
void nmi_arrived(struct pt_regs *regs);
/* NMI context. The backtrace of this CPU, if somebody has asked for it. */
void nmi_backtrace_answer(const struct pt_regs *regs);

extern u64 nmi_count; /* handlers run, on all CPUs */
