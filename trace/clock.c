/* Ticks to nanoseconds by one multiplication. */
#include "trace/clock.h"

#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"

static u64 ns_per_tick_32 = 1ull << 32; /* 32.32 fixed point */

/* notrace: the function tracer calls it for every event. */
notrace u64 trace_clock(void)
{
	return (u64)(((unsigned __int128)(rdtsc() - boot_tsc) * ns_per_tick_32) >> 32);
}

void trace_clock_init(u64 khz)
{
	if (khz)
		ns_per_tick_32 = (1000000ull << 32) / khz;
}
