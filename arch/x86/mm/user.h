/*
 * A user's page tables: the lower half of a root table, its own; the upper half is the kernel's, the same in all
 * (SDM vol. 3, 4.5).
 */
#pragma once

#include "arch/x86/mm/paging.h"
#include "lib/types.h"

/* What a user may have mapped: not page 0, nor the last one below the hole, from which sysret would come back in vain. */
#define USER_START PAGE_SIZE
#define USER_END   0x00007ffffffff000ul

/* Thread context. A root table's physical address, with nothing in its lower half; 0: no memory. */
u64 user_root_make(void);
/* Thread context. No CPU has it loaded. Its tables, not the pages that are mapped. */
void user_root_free(u64 root);

/*
 * Any context in which no one else changes this root. The entry for the page at @va; NULL when there is no table for it, or,
 * with @make, no memory for one (task or hardirq context then).
 */
u64 *user_pte(u64 root, u64 va, bool make);

/* The same context. How many tables user_pte() would have to make for that: at most 3. */
unsigned user_tables_missing(u64 root, u64 va);

/* Thread context, no spinlock held. When it returns, none of @cpus (bit n: CPU n) has an old translation of these pages. */
void user_flush(u32 cpus, u64 va, size_t pages);
