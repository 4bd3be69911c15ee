/*
 * Marked points at which "chaos=SEED" does something unwelcome: yields, dawdles, interrupts itself.
 *
 * What it does depends on the seed and on nothing else, so under an instruction-counting emulator,
 * where a dawdling CPU hands over to the next, a seed that found a bug finds it again.
 */
#pragma once

#include "lib/static_key.h"

extern struct static_key chaos_key;
/* Any context; does nothing in NMI-like ones, and yields only where the caller could be preempted. context/'s. */
void chaos(void);

static __always_inline void chaos_point(void)
{
	if (static_branch_unlikely(&chaos_key))
		chaos();
}
