/* What the tests of busts share: a bust at each instruction of a function, when it is wanted, and whether jt_four is as it was. */
#pragma once

#include "tests/kernel/kprobe_jumps.h"

/* The next hit of a probe on the function is a bust, and then it is false again. How many there were. */
extern bool bust_wanted;
extern u64 busts;

/* Thread context. For each instruction of @function but its entry: @meet, with a probe there. How many there are. */
unsigned bust_at_each(const void *function, void (*meet)(struct kprobe *at));

extern u64 original[2];	  /* jt_four's bytes, */
void original_keep(void); /* as they are now */
bool is_original(void);
