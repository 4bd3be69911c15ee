/* Small objects: powers of two from 32 to 2048 bytes, each size from pages of its own. */
#pragma once

#include "lib/types.h"

#define KMALLOC_MAX 2048

/*
 * Task or hardirq context. Memory aligned to 32 bytes, or NULL when @size is over KMALLOC_MAX or memory
 * is out. kmalloc()'s has any content, and junk when "debug" is on; kzalloc()'s is zeroed.
 */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
/*
 * NULL is allowed. The page a size's last object leaves goes back to the frames. With "debug" on,
 * what may not be freed, or was written beyond its end or after its end, is reported in the kernel
 * log and then left alone for good.
 */
void kfree(void *object);
