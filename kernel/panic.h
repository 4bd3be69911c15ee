/* Dying of a trap, with the registers it found. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/bug.h"
#include "lib/seq.h"

/* NMI context. When another CPU has begun to die, this one stops for good, where @regs says it was. */
void panic_stop_here(const struct pt_regs *regs);

/* Any context. One line: where this CPU is, and whether RCU is, or was, watching. */
void print_context(struct seq *out, bool watching);

/* As printk_recovered(), for the report that warn() was writing. */
void warn_recovered(void);

/* Any context. As panic(), and prints @regs and the backtrace from there. */
void __noreturn panic_regs(const struct pt_regs *regs, const char *fmt, ...) __printf(2, 3);
