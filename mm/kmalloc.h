/* Small objects: powers of two from 32 to 2048 bytes, each size from pages of its own. */
#pragma once

#include "lib/types.h"

/* Thread context. Zeroed memory, or NULL when @size is over 2048 or memory is out. */
void *kmalloc(size_t size);
/* NULL is allowed. The page a size's last object leaves goes back to the frames. */
void kfree(void *p);
