/* Ticks to nanoseconds by one multiplication. */
#include "trace/clock.h"

#include "lib/compiler.h"
#include "trace/ring_clock.h"

u64 trace_ns_per_tick = 1ull << 32;
u64 trace_origin;

/* notrace: called before functions can be traced. */
notrace void trace_clock_start(u64 tsc) { trace_origin = tsc; }

/* notrace: the function tracer's clock, wherever it calls it. */
notrace u64 trace_clock(void) { return trace_clock_scaled(trace_ns_per_tick); }

void trace_clock_init(u64 khz)
{
	u64 flags;

	if (!khz)
		return;
	flags = raw_local_irq_save(); /* nobody may read one changed without the other */
	trace_origin = rdtsc() - trace_clock() * khz / 1000000;
	ring_ns_per_tick = trace_ns_per_tick = (1000000ull << 32) / khz;
	raw_local_irq_restore(flags);
}
