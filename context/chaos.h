/* "chaos=SEED": what happens at the points that lib/chaos.h marks. */
#pragma once

#include "lib/chaos.h"

/* Thread context. From now on, with this seed; all CPUs begin anew. 0: no more. */
void chaos_start(u64 seed);
