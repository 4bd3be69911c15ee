/* What processes have left behind: nothing, or a failure. */
#pragma once

#include "lib/types.h"

struct leftovers {
	size_t frames;
	u32 threads, processes;
};

/* Thread context, both. What there is before; a first process has made by then what is made once. */
void leftovers_before(struct leftovers *l);
/* All that has ended is freed: the same is there again, to the frame. */
void leftovers_none(const struct leftovers *l);
