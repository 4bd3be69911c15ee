/*
 * Kernel memory mapped at run time: stacks above unmapped pages, so that an overflow faults at once; and pages of text.
 */
#pragma once

#include "arch/x86/mm/stacks.h"
#include "lib/types.h"

/*
 * Thread context. A zeroed stack of @size bytes, a multiple of the page size and at most KSTACK_MAX; NULL when
 * memory or slots are out or @size is neither. Its name, for overflow reports, is "thread" until the
 * caller gives it a better one (kept by reference).
 */
struct kstack *kstack_alloc(size_t size);
/* Nobody may be running on it. NULL is allowed. */
void kstack_free(struct kstack *s);

/*
 * Thread context, no spinlock held. Nobody can write these @n frames by the kernel's own names for them any more, on any CPU: so they may
 * become executable. -ENOMEM: none. And afterwards, when they are executable nowhere: as ever. The other CPUs are told once.
 */
int frames_protect(const u64 *pa, size_t n);
void frames_unprotect(const u64 *pa, size_t n);

/*
 * Thread context. A page full of bytes @fill, executable at @va and under no writable name: written by text_poke() alone.
 * It stays. -ENOMEM.
 */
int text_page_alloc(u64 va, u8 fill);
