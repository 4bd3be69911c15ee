/* Memory objects in the program's own space. */
#pragma once

#include "abi/rights.h"
#include "lib/types.h"

#define PAGE_SIZE 4096ul

/* All @pages of a memory object, at an address of the library's choice; NULL: it couldn't be mapped. */
void *memory_map(u32 memory, size_t pages, u32 rights);
void memory_unmap(void *at, size_t pages);
/* Fresh zeroed pages, readable and writable, for as long as the program lives; NULL: there are none. */
void *pages_alloc(size_t pages);
/* The same, with the object's handle, to be given to others. */
void *pages_share(size_t pages, u32 *memory);
