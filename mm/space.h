/*
 * Address spaces: which part of which memory object is where, with which rights, and the page tables that follow from it as
 * pages are first touched.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/user.h"
#include "context/spinlock.h"
#include "mm/account.h"
#include "mm/memory.h"

#define MAP_READ    1u
#define MAP_WRITE   2u
#define MAP_EXECUTE 4u /* never with MAP_WRITE, and of sealed memory only */

#define SPACE_REGIONS_MAX 128

/*
 * Not for users to map: here the kernel puts copies of probed instructions, where all that is below 4 GiB is in reach of their operands.
 */
#define COPIES_START 0x7ff00000ul
#define COPIES_END   0x7ff40000ul

struct region {
	u64 va;
	size_t pages;
	struct memory *memory; /* with a reference */
	size_t first;	       /* its page that is at @va */
	u32 rights;
	struct region *next_free;
};

struct copies;

struct space {
	struct spinlock lock; /* for all below but @refs and @pml4 */
	u32 refs;
	u64 pml4; /* the root table's physical address; what is below alone loads it, since who flushes asks which CPU has it */
	struct account *account;      /* with a reference: who pays for the tables; NULL: nobody */
	u32 nr_tables;		      /* below the root */
	unsigned nr_regions, nr_used; /* and how many of the @pool have ever been one */
	struct region *regions[SPACE_REGIONS_MAX]; /* by address, apart from each other */
	struct region *free;
	struct region pool[SPACE_REGIONS_MAX];
	struct copies *copies; /* kernel/uprobe/'s; NULL: none yet */
};

/* Thread context. Empty, with one reference; NULL: no memory. */
struct space *space_create(void);
void space_get(struct space *s);
/* Thread context, no spinlock held. The last one: no CPU has it loaded any more. */
void space_put(struct space *s);

/*
 * Thread context, no spinlock held, all three. Addresses and lengths in whole pages, between USER_START and USER_END.
 *
 * space_map: @pages of @m from @first on, at @va. -EINVAL: not so, or rights that make no sense; -EFAULT: beyond the object;
 * -EEXIST: something is there; -EACCES: writing what is sealed, or executing what isn't; -ENOSPC: too many regions, with those that
 * are being unmapped.
 */
int space_map(struct space *s, u64 va, size_t pages, struct memory *m, size_t first, u32 rights);
/* What is mapped between, in part or whole, is so no more, on any CPU. -EINVAL and -ENOSPC as above: then all is as before. */
int space_unmap(struct space *s, u64 va, size_t pages);
/* All of it is mapped, and gets @rights, of those that it has. -EFAULT: it isn't; -EACCES: it has fewer; else as above. */
int space_protect(struct space *s, u64 va, size_t pages, u32 rights);

/* All that is mapped of @m, wherever, is so no more; what others map meanwhile may stay. */
void space_unmap_memory(struct space *s, const struct memory *m);

/*
 * Thread context. A page fault by a user at @addr, with the CPU's error code (SDM vol. 3, 4.7): 0, try again. -EFAULT: nothing is
 * mapped there; -EACCES: not for that; -ENOMEM.
 */
int space_fault(struct space *s, u64 addr, u64 error);

/*
 * Thread context, no spinlock held. Copies out of it what its users may read there; what isn't there yet reads as 0. -EFAULT: not
 * all of it is mapped and may be read. -ENOMEM.
 */
int space_read(struct space *s, u64 va, void *to, size_t len);
/* The memory that is executable at @va, with a reference, and where @va is in it; NULL: none. */
struct memory *space_text(struct space *s, u64 va, u64 *offset);

/* kernel/uprobe/'s, from the last space_put(): frees s->copies. */
void space_free_copies(struct space *s);

/* Which root table each CPU has loaded; 0: the kernel's own. Said before it is loaded: docs/TRICKS.md, "Who has an old translation?" */
DECLARE_PER_CPU(u64, loaded_pml4);

/* The running CPU goes to that root table, which a space has. Preemption off. */
static __always_inline void space_load_pml4(u64 pml4)
{
	this_cpu(loaded_pml4) = pml4;
	write_cr3(pml4);
}

/* The running CPU goes there; NULL: the kernel's own tables. Preemption off. */
static inline void space_load(const struct space *s)
{
	if (s) {
		space_load_pml4(s->pml4);
		return;
	}
	this_cpu(loaded_pml4) = 0;
	write_cr3((u64)boot_pml4 - KERNEL_BASE);
}
