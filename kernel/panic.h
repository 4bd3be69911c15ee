/* Dying of a trap, with the registers it found. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/bug.h"

/* Any context. Has another CPU begun to die? Then this one stops where an NMI finds it. */
bool panicking_elsewhere(void);

/* Any context. As panic(), and prints @regs and the backtrace from there. */
void __noreturn panic_regs(const struct pt_regs *regs, const char *fmt, ...) __printf(2, 3);
