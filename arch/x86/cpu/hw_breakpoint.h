/*
 * The four debug registers, the same on all CPUs (SDM vol. 3, 17.2).
 *
 * While a CPU is in its #DB handler none is in force there: what they watch may be what the handler itself touches. What the way to
 * it and from it touches can't be watched: hw_breakpoint_refuses().
 */
#pragma once

#include "arch/x86/cpu/regs.h"

#define NR_HW_BREAKPOINTS 4

extern struct static_key hw_breakpoint_key; /* there is one */

/* In what DR6 and DR7 say: is number @n hit? DR6 alone may name one that isn't set. */
static __always_inline bool hw_breakpoint_hit(unsigned n, u64 dr6, u64 dr7)
{
	return dr6 >> n & dr7 >> (2 * n + 1) & 1;
}

/* Around #DB's handler, hidden. What was in force. */
static __always_inline u64 hw_breakpoint_pause(void)
{
	u64 dr7 = 0;

	if (static_branch_unlikely(&hw_breakpoint_key)) {
		dr7 = read_dr7();
		write_dr7(DR7_NOTHING);
	}
	return dr7;
}
static __always_inline void hw_breakpoint_resume(u64 dr7)
{
	if (unlikely(dr7))
		write_dr7(dr7);
}

/*
 * Thread context; one caller at a time. Number @n, on all CPUs; @len is 1, 2, 4 or 8, @type what DR7 has: 0 execute, 1 write, 3
 * both accesses. After clearing it no CPU is in a handler that it led to.
 */
void hw_breakpoint_set(unsigned n, u64 addr, u8 len, u8 type);
void hw_breakpoint_clear(unsigned n);

/* Interrupts off, or nobody else there yet: this CPU's registers anew. For one that has come up. */
void hw_breakpoint_load(void);

/* Any context. Is there one on any of these bytes? */
bool hw_breakpoint_watches(u64 addr, u64 len);

/* Would #DB's own stub touch one of these bytes? */
bool hw_breakpoint_refuses(u64 addr, u64 len);
