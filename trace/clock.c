/* Ticks to nanoseconds by one multiplication. */
#include "trace/clock.h"

#include "lib/compiler.h"
#include "trace/ring_clock.h"

u64 trace_ns_per_tick = 1ull << 32;

/* notrace: the function tracer's clock, wherever it calls it. */
notrace u64 trace_clock(void) { return trace_clock_scaled(trace_ns_per_tick); }

void trace_clock_init(u64 khz)
{
	if (khz)
		ring_ns_per_tick = trace_ns_per_tick = (1000000ull << 32) / khz;
}
