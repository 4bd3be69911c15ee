/* Memory of any size. One thread at a time. */
#pragma once

#include "lib/types.h"

/* Zeroed, aligned to 16 bytes; NULL: there is none. */
void *heap_alloc(size_t size);
/* @p may be NULL. */
void heap_free(void *p);
