/* Is the system as it was? A snapshot of everything a recovery must put back, and the comparison. */
#pragma once

#include "lib/seq.h"
#include "lib/types.h"

struct health {
	u32 context_word, guard_bits, step_depth, bb_depth, lock_count;
	u32 nesting, nmi_nesting;
	u64 watch_counter;
	bool irqs_on, watching;
	u64 text_sum; /* of all text, hidden and visible, and the slots */
	size_t frames_free;
	unsigned wx_violations;
};

/* Thread context. */
void health_take(struct health *h);
/* Prints a line for each value; the number of differences. */
unsigned health_compare(struct seq *out, const struct health *before, const struct health *after);
