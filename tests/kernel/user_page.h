/* Pages that ring 3 may use, for tests: one table of them in the lower half, until there are address spaces. */
#pragma once

#include "arch/x86/mm/paging.h"
#include "lib/types.h"

/* A slot of the lower half that nothing else uses: half a TiB. */
#define USER_SLOT 200ul
#define USER_PAGE (USER_SLOT << 39)

/* Thread context, one user at a time. The tables; false, with a failure reported, without memory. */
bool user_pages_make(void);
/* Thread context. Page @n, at USER_PAGE + n * PAGE_SIZE and not mapped yet: the frame at @pa, @rights and PTE_U. */
void user_pages_map(unsigned n, u64 pa, u64 rights);
/* Thread context. All of it is gone on all CPUs. The frames mapped are the caller's. */
void user_pages_drop(void);

/* The last page below the hole, which no process can have. Thread context, between make and drop: the frame at @pa is mapped there. */
#define USER_LAST_PAGE 0x00007ffffffff000ul
bool user_last_page_map(u64 pa, u64 rights);
