/* How often a test does what it does: its own count, times "stress=N", fairly divided among the CPUs where that is dear. */
#pragma once

#include "kernel/cmdline.h"
#include "tests/kernel/crowd.h"

static inline unsigned stressed(unsigned n) { return n * (unsigned)cmdline.stress; }

/*
 * For each of all CPUs, where they hand something from one to the other (a lock, a turn, an answer). CPUs that
 * the host hasn't got wait for its time slices at every hand-over, so more of them do much less.
 */
static inline unsigned stressed_each(unsigned n)
{
	unsigned each = stressed(n) / (crowd_cpus() * crowd_cpus());

	return each ? each : 1;
}
