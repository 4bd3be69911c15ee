/* Between users' memory and the kernel: every address is the user's word, and may be wrong. */
#pragma once

#include "lib/types.h"

/*
 * Thread context, no spinlock held: pages that aren't there yet are made. Of the current thread's space. 0, or -EFAULT when not
 * all of it can be read; then a part may have been copied. -ENOMEM.
 */
int copy_from_user(void *to, u64 from, size_t n);
/* The same the other way: -EFAULT, not all of it can be written. */
int copy_to_user(u64 to, const void *from, size_t n);
