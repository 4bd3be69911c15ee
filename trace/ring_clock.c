/*
 * What else than nanoseconds of this CPU an event can be stamped with.
 *
 * Writers know only "local", by one multiplication. With another clock they multiply by zero: no time since the last
 * record is as long as that seems to be, so they take the slow way, and only that asks which clock it is.
 */
#include "trace/ring_clock.h"

#include "lib/compiler.h"

u64 ring_ns_per_tick = 1ull << 32;

/* notrace, here and below: called for events. The latest that any CPU has seen: none goes back behind another's. */
static notrace u64 global(void)
{
	static u64 latest;
	u64 now = trace_clock(), seen = READ_ONCE(latest);

	while (now > seen)
		if (__atomic_compare_exchange_n(&latest, &seen, now, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return now;
	return seen;
}

static notrace u64 counter(void)
{
	static u64 events;

	return __atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST);
}

static notrace u64 tsc(void) { return rdtsc(); }

const struct ring_clock ring_clocks[] = { { "local", trace_clock, true },
					  { "global", global, true },
					  { "counter", counter, false },
					  { "x86-tsc", tsc, false } };
const struct ring_clock *ring_clock_used = &ring_clocks[0];

void ring_clock_use(const struct ring_clock *clock)
{
	WRITE_ONCE(ring_ns_per_tick, clock == &ring_clocks[0] ? trace_ns_per_tick : 0);
	WRITE_ONCE(ring_clock_used, clock);
}
