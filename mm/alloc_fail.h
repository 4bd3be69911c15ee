/* Making allocations fail on purpose, so that the way back from each can be tested. */
#pragma once

#include "lib/types.h"

/* Any context. Of the allocations from now on, frames and small objects counted alike, the @n-th fails, once; 0: none does. */
void alloc_fail_nth(u64 n);
/* How many allocations from now the failing one is; 0 when there is none to come. */
u64 alloc_fail_pending(void);

/* The allocators' question, once for each allocation. */
bool alloc_should_fail(void);
