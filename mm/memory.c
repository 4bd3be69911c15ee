/* Memory objects: who may write one, and its frames. */
#include "mm/memory.h"

#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"

#define A_TABLE (PAGE_SIZE / sizeof(u64))

static_assert(sizeof(struct memory) + MEMORY_MAX_PAGES / A_TABLE * sizeof(u64 *) <= KMALLOC_MAX,
	      "the largest fits");

static size_t nr_tables(size_t pages) { return (pages + A_TABLE - 1) / A_TABLE; }
u64 memory_cost(const struct memory *m) { return m->pages + nr_tables(m->pages); }

int memory_charge(struct memory *m, struct account *a)
{
	int err = account_charge(a, ACCOUNT_PAGES, memory_cost(m));

	if (err)
		return err;
	account_get(a);
	m->account = a;
	return 0;
}

struct memory *memory_create(size_t pages)
{
	size_t tables = nr_tables(pages);
	struct memory *m =
		pages && pages <= MEMORY_MAX_PAGES ? kzalloc(sizeof(*m) + tables * sizeof(u64 *)) : NULL;

	if (!m)
		return NULL;
	m->lock = (struct spinlock)SPINLOCK_INIT(memory);
	m->refs = 1;
	m->pages = pages;
	for (size_t i = 0; i < tables; i++) {
		u64 pa = frame_alloc();

		if (!pa) {
			memory_put(m);
			return NULL;
		}
		m->frames[i] = phys_to_virt(pa);
	}
	return m;
}

static u64 *entry(const struct memory *m, size_t i) { return &m->frames[i / A_TABLE][i % A_TABLE]; }

/* How many of its pages are in table @t. */
static size_t in_table(const struct memory *m, size_t t) { return min(A_TABLE, m->pages - t * A_TABLE); }

/* Of those tables that come before @end. */
static void unprotect(const struct memory *m, size_t end)
{
	for (size_t t = 0; t < end; t++)
		frames_unprotect(m->frames[t], in_table(m, t));
}

static void free_frames(struct memory *m)
{
	size_t tables = nr_tables(m->pages);

	if (m->is_sealed)
		unprotect(m, tables);
	for (size_t t = 0; t < tables && m->frames[t]; t++) {
		for (size_t i = 0; i < in_table(m, t); i++)
			if (m->frames[t][i])
				frame_free(m->frames[t][i]);
		frame_free(virt_to_phys(m->frames[t]));
	}
}

/* Release, so that all that others did with it comes before; acquire, so that it does so for who frees. */
void memory_put(struct memory *m)
{
	if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	BUG_ON(m->writers & ~MEMORY_NO_WRITERS);
	if (m->is_sealed)
		memory_remove_sealed(m);
	if (m->probed)
		memory_forget_probes(m);
	free_frames(m);
	if (m->account)
		account_uncharge(m->account, ACCOUNT_PAGES, memory_cost(m));
	account_put(m->account);
	kfree(m);
}

/* The frame is made before the lock is taken: two may come with one, and then the second goes back. */
u64 memory_frame(struct memory *m, size_t i, bool make)
{
	u64 pa = READ_ONCE(*entry(m, i)), spare, flags;

	if (pa || !make)
		return pa;
	spare = frame_alloc();
	if (!spare)
		return 0;
	flags = spin_lock_irqsave(&m->lock);
	pa = *entry(m, i);
	if (!pa)
		*entry(m, i) = spare;
	spin_unlock_irqrestore(&m->lock, flags);
	if (pa)
		frame_free(spare);
	return pa ?: spare;
}

/* Nobody begins to write meanwhile. All frames, or none; other CPUs are interrupted once for each table of them. */
static int protect_all(struct memory *m)
{
	for (size_t i = 0; i < m->pages; i++)
		if (!memory_frame(m, i, true))
			return -ENOMEM;
	for (size_t t = 0; t < nr_tables(m->pages); t++) {
		int err = frames_protect(m->frames[t], in_table(m, t));

		if (err) {
			unprotect(m, t);
			return err;
		}
	}
	return 0;
}

int memory_seal(struct memory *m)
{
	u32 none = 0;
	int err;

	if (!__atomic_compare_exchange_n(&m->writers, &none, MEMORY_NO_WRITERS, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return memory_sealed(m) ? 0 : -EBUSY;
	err = protect_all(m);
	if (err) {
		__atomic_store_n(&m->writers, 0, __ATOMIC_RELEASE);
		return err;
	}
	__atomic_store_n(&m->is_sealed, true, __ATOMIC_RELEASE);
	memory_add_sealed(m);
	memory_was_sealed(m);
	return 0;
}

/* Calls @copy for each page's part of it. */
static int each_page(struct memory *m, u64 offset, size_t len, bool make, void *buf,
		     void (*copy)(void *buf, void *page, size_t n))
{
	u64 size = m->pages * PAGE_SIZE;

	if (offset > size || len > size - offset)
		return -EFAULT;
	while (len) {
		size_t n = min(len, PAGE_SIZE - offset % PAGE_SIZE);
		u64 pa = memory_frame(m, offset / PAGE_SIZE, make);

		if (!pa && make)
			return -ENOMEM;
		copy(buf, pa ? (u8 *)phys_to_virt(pa) + offset % PAGE_SIZE : NULL, n);
		buf = (u8 *)buf + n;
		offset += n;
		len -= n;
	}
	return 0;
}

static void copy_from(void *buf, void *page, size_t n)
{
	if (page)
		memcpy(buf, page, n);
	else
		memset(buf, 0, n);
}

static void copy_to(void *buf, void *page, size_t n) { memcpy(page, buf, n); }

int memory_read(struct memory *m, u64 offset, void *to, size_t len)
{
	return each_page(m, offset, len, false, to, copy_from);
}

int memory_write(struct memory *m, u64 offset, const void *from, size_t len)
{
	int err = memory_begin_write(m);

	if (err)
		return err;
	err = each_page(m, offset, len, true, (void *)from, copy_to);
	memory_end_write(m);
	return err;
}
