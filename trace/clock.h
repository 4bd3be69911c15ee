/* Trace time: nanoseconds since the first instruction, from the TSC. */
#pragma once

#include "arch/x86/cpu/regs.h"
#include "lib/types.h"

extern u64 trace_origin;      /* the TSC at time 0 */
extern u64 trace_ns_per_tick; /* 32.32 fixed point */

/* For who can't afford a call for each event: @scale is ns for a tick, in 32.32 fixed point. */
static __always_inline u64 trace_clock_scaled(u64 scale)
{
	u64 t = rdtsc() - trace_origin, high;

	/* The middle of the product. With __int128 GCC keeps a pair of registers for it. */
	__asm__("mulq %2\n\tshrd $32, %%rdx, %%rax" : "+a"(t), "=&d"(high) : "rm"(scale) : "cc");
	return t;
}

static __always_inline u64 trace_clock_read(void) { return trace_clock_scaled(trace_ns_per_tick); }

/* Any context. Before calibration the TSC counts as 1 GHz, which is what an instruction-counting emulator shows. */
u64 trace_clock(void);
/* Boot, before anything is recorded: time 0 was at this TSC. */
void trace_clock_start(u64 tsc);
/* Boot, once: @khz from the calibration, 0: unknown. Time goes on from what it was taken for. */
void trace_clock_init(u64 khz);
