/* The clocks that events can be stamped with, one of them in use: trace_clock has their names. */
#pragma once

#include "trace/clock.h"

/* Nanoseconds for a tick while the clock is "local"; 0 with another one, and then ring_clock_fast() is 0. */
extern u64 ring_ns_per_tick;

struct ring_clock {
	const char *name;
	u64 (*read)(void); /* any context; notrace; never 0 */
	bool in_ns;
};
extern const struct ring_clock ring_clocks[4];
extern const struct ring_clock *ring_clock_used;

static __always_inline u64 ring_clock_fast(void) { return trace_clock_scaled(ring_ns_per_tick); }
/* Any context. */
static __always_inline u64 ring_clock(void) { return READ_ONCE(ring_clock_used)->read(); }
static inline bool ring_clock_in_ns(void) { return ring_clock_used->in_ns; }
static inline bool ring_clock_is_local(void) { return ring_clock_used == &ring_clocks[0]; }
/* Thread context, after it has changed: for who reads trace_clock() and has it recorded as this one. NULL: nobody. */
extern void (*ring_clock_changed)(void);
/* Thread context, while nobody writes to a ring; their times begin anew. */
void ring_clock_use(const struct ring_clock *clock);
