/* Memory objects: pages that processes map, share and hand to each other; each gets its frame when it is first needed. */
#pragma once

#include "abi/errno.h"
#include "context/spinlock.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"
#include "mm/account.h"

#define MEMORY_MAX_PAGES 8192ul /* 32 MiB */

#define MEMORY_NO_WRITERS (1u << 31) /* in @writers: it is being sealed, or is so */

/*
 * Either writable, or sealed: then nobody can write it by any name any more, the kernel included, and it may be mapped for
 * execution.
 */
struct memory {
	struct spinlock lock; /* for @frames */
	u32 refs;
	u32 writers; /* mappings that may write, and writes of the kernel's own under way; or that nobody may begin */
	bool is_sealed;
	u32 mappings; /* parts of spaces that it is in, whatever they allow */
	size_t pages;
	struct list_head sealed; /* sealed.c's */
	/* Of who puts breakpoints into it (memory_was_sealed()): has it any to forget, and whose text it is. */
	bool probed, looked_at;
	const void *image;
	struct account *account; /* with a reference: who pays for all its pages; NULL: nobody */
	u64 *frames
		[]; /* tables of a page's size, of which the last may be needed in part; an entry of 0: no frame yet */
};

/* Thread context. @pages zeroed pages, none of them there yet; with one reference. NULL: no memory, or 0 or too many. */
struct memory *memory_create(size_t pages);
/* Thread context, at most once, of one that is new. @a pays for it; -ENOMEM: that is more than it may have. */
int memory_charge(struct memory *m, struct account *a);
/* How many pages that is: its own, and the tables of their frames. */
u64 memory_cost(const struct memory *m);
/* Any context. */
static __always_inline void memory_get(struct memory *m)
{
	__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
}
/* Thread context, no spinlock held. The last one frees all frames: then it is mapped nowhere. */
void memory_put(struct memory *m);

/* Task context. Page @i's frame, which is made if need be; 0: no memory. Without @make, 0: there is none yet. */
u64 memory_frame(struct memory *m, size_t i, bool make);

/* Task context. One more mapping that may write; -EACCES: it is sealed. And one less. */
static __always_inline int memory_begin_write(struct memory *m)
{
	u32 n = READ_ONCE(m->writers);

	do {
		if (unlikely(n & MEMORY_NO_WRITERS))
			return -EACCES;
	} while (!__atomic_compare_exchange_n(&m->writers, &n, n + 1, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return 0;
}
static __always_inline void memory_end_write(struct memory *m)
{
	__atomic_fetch_sub(&m->writers, 1, __ATOMIC_RELEASE);
}
/* Any context. Only who is sealed may be mapped for execution. */
static inline bool memory_sealed(const struct memory *m)
{
	return __atomic_load_n(&m->is_sealed, __ATOMIC_ACQUIRE);
}
/* Thread context, no spinlock held. -EBUSY: it is mapped writably, or being sealed; -ENOMEM. A second time: nothing to do. */
int memory_seal(struct memory *m);

/*
 * sealed.c. Thread context, no spinlock held. The next sealed object behind @m, whose reference is given up, with one of its own; NULL
 * begins, and is the end. Those that are sealed meanwhile may be missed, but for them memory_was_sealed() is called.
 */
struct memory *memory_next_sealed(struct memory *m);
/* memory.c's: @m is sealed; it goes, and has no reference any more. */
void memory_add_sealed(struct memory *m);
void memory_remove_sealed(struct memory *m);
/* kernel/uprobe/'s, called in thread context without a spinlock: @m has just been sealed; it goes, and is @probed. */
void memory_was_sealed(struct memory *m);
void memory_forget_probes(struct memory *m);

/*
 * Thread context. The kernel's own access, to whole or part; what isn't there yet reads as 0. -EFAULT: not all of it is inside;
 * -ENOMEM; writing: -EACCES, sealed.
 */
int memory_read(struct memory *m, u64 offset, void *to, size_t len);
int memory_write(struct memory *m, u64 offset, const void *from, size_t len);
