/* Address spaces: regions in order of address, apart from each other, and page-table entries that never allow more than they. */
#include "mm/space.h"

#include "abi/errno.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "mm/frames.h"

#define ERROR_WRITE 2u /* of a page fault's error code (SDM vol. 3, figure 4-12) */
#define ERROR_FETCH 16u

#define SPACE_FRAMES ((sizeof(struct space) + PAGE_SIZE - 1) / PAGE_SIZE)

DEFINE_PER_CPU(u64, loaded_pml4);

struct space *space_create(void)
{
	u64 pa = frames_alloc(SPACE_FRAMES);
	struct space *s = phys_to_virt(pa);

	if (!pa)
		return NULL;
	s->lock = (struct spinlock)SPINLOCK_INIT(space);
	s->refs = 1;
	s->pml4 = user_root_make();
	if (s->pml4)
		return s;
	frames_free(pa, SPACE_FRAMES);
	return NULL;
}

void space_get(struct space *s) { __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED); }

static struct region *take_region(struct space *s)
{
	struct region *r = s->free;

	if (r)
		s->free = r->next_free;
	else if (s->nr_used < SPACE_REGIONS_MAX)
		r = &s->pool[s->nr_used++];
	return r;
}

static void get_memory(const struct region *r)
{
	memory_get(r->memory);
	__atomic_fetch_add(&r->memory->mappings, 1, __ATOMIC_RELAXED);
}

/* Without the lock: it is none of the space's any more. */
static void drop_memory(const struct region *r)
{
	if (r->rights & MAP_WRITE)
		memory_end_write(r->memory);
	__atomic_fetch_sub(&r->memory->mappings, 1, __ATOMIC_RELEASE);
	memory_put(r->memory);
}

static void put_regions(struct space *s, struct region **gone, int n)
{
	u64 flags;

	if (n <= 0)
		return;
	flags = spin_lock_irqsave(&s->lock);
	while (n--) {
		gone[n]->next_free = s->free;
		s->free = gone[n];
	}
	spin_unlock_irqrestore(&s->lock, flags);
}

void space_put(struct space *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	user_root_free(s->pml4);
	space_free_copies(s);
	for (unsigned i = 0; i < s->nr_regions; i++)
		drop_memory(s->regions[i]);
	account_uncharge(s->account, ACCOUNT_PAGES, s->nr_tables);
	account_put(s->account);
	frames_free(virt_to_phys(s), SPACE_FRAMES);
}

static u64 end_of(const struct region *r) { return r->va + r->pages * PAGE_SIZE; }

/* The first region that ends behind @va. */
static unsigned find(const struct space *s, u64 va)
{
	unsigned low = 0, high = s->nr_regions;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (end_of(s->regions[mid]) > va)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void insert(struct space *s, unsigned at, struct region *r)
{
	for (unsigned i = s->nr_regions++; i > at; i--)
		s->regions[i] = s->regions[i - 1];
	s->regions[at] = r;
}

static bool valid(u64 va, size_t pages)
{
	return va % PAGE_SIZE == 0 && va >= USER_START && va < USER_END && pages &&
	       pages <= (USER_END - va) / PAGE_SIZE;
}

static bool sensible(u32 rights)
{
	return !(rights & ~(MAP_READ | MAP_WRITE | MAP_EXECUTE)) &&
	       (rights & (MAP_WRITE | MAP_EXECUTE)) != (MAP_WRITE | MAP_EXECUTE);
}

static u64 pte_of(u32 rights, u64 pa)
{
	return pa | PTE_P | PTE_U | (rights & MAP_WRITE ? PTE_W : 0) | (rights & MAP_EXECUTE ? 0 : PTE_NX);
}

/* May it be mapped so? From then on it is written, if that was asked for. */
static int begin(struct memory *m, u32 rights)
{
	if (rights & MAP_WRITE)
		return memory_begin_write(m);
	return (rights & MAP_EXECUTE) && !memory_sealed(m) ? -EACCES : 0;
}

/* Under the lock. */
static int add(struct space *s, const struct region *new)
{
	unsigned at = find(s, new->va);
	struct region *r;

	if ((at < s->nr_regions && s->regions[at]->va < end_of(new)) ||
	    (new->va < COPIES_END &&end_of(new) > COPIES_START))
		return -EEXIST;
	r = take_region(s);
	if (!r)
		return -ENOSPC;
	*r = *new;
	get_memory(r);
	insert(s, at, r);
	return 0;
}

int space_map(struct space *s, u64 va, size_t pages, struct memory *m, size_t first, u32 rights)
{
	struct region r = { va, pages, m, first, rights, NULL };
	u64 flags;
	int err;

	if (!valid(va, pages) || !sensible(rights) || !rights)
		return -EINVAL;
	if (first > m->pages || pages > m->pages - first)
		return -EFAULT;
	err = begin(m, rights);
	if (err)
		return err;
	flags = spin_lock_irqsave(&s->lock);
	err = add(s, &r);
	spin_unlock_irqrestore(&s->lock, flags);
	if (err && rights & MAP_WRITE)
		memory_end_write(m);
	return err;
}

struct memory *space_text(struct space *s, u64 va, u64 *offset)
{
	u64 flags = spin_lock_irqsave(&s->lock);
	unsigned at = find(s, va);
	struct region *r = at < s->nr_regions ? s->regions[at] : NULL;
	struct memory *m = r && r->va <= va && r->rights & MAP_EXECUTE ? r->memory : NULL;

	if (m) {
		memory_get(m);
		*offset = r->first * PAGE_SIZE + (va - r->va);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return m;
}

/* A region that @va lies inside of becomes two that meet there. */
static int split(struct space *s, u64 va)
{
	unsigned at = find(s, va);
	struct region *r, *upper;

	if (at == s->nr_regions || s->regions[at]->va >= va)
		return 0;
	upper = take_region(s);
	if (!upper)
		return -ENOSPC;
	r = s->regions[at];
	*upper = *r;
	r->pages = (va - r->va) / PAGE_SIZE;
	upper->va = va;
	upper->pages -= r->pages;
	upper->first += r->pages;
	get_memory(r);
	if (r->rights & MAP_WRITE)
		BUG_ON(memory_begin_write(r->memory) != 0); /* it is being written, so it isn't sealed */
	insert(s, at + 1, upper);
	return 0;
}

/* Nothing of a region is mapped any more, or with its rights of now. */
static void update_entries(const struct space *s, const struct region *r, bool gone)
{
	for (u64 va = r->va; va < end_of(r); va += PAGE_SIZE) {
		u64 *e = user_pte(s->pml4, va, false);

		if (e && *e & PTE_P)
			WRITE_ONCE(*e, gone ? 0 : pte_of(r->rights, *e & PTE_ADDR));
	}
}

/*
 * No CPU has an old translation afterwards, and only those are asked that may have one. The fence: our change of the entries comes
 * before our look; who loads the space says so, and then walks its tables.
 */
static void flush(const struct space *s, u64 va, size_t pages)
{
	u32 cpus = 0;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		u32 cpu = (u32)__builtin_ctz(up);

		if (READ_ONCE(*per_cpu_ptr(loaded_pml4, cpu)) == s->pml4)
			cpus |= 1u << cpu;
	}
	user_flush(cpus, va, pages);
}

/* The regions in between, none of which reaches beyond after this: from *@from on, how many. */
static int isolate(struct space *s, u64 va, u64 end, unsigned *from)
{
	int err = split(s, va) ?: split(s, end);

	*from = find(s, va);
	return err ?: (int)(find(s, end) - *from);
}

/* Those @n are no regions of this space any more. */
static void take_out(struct space *s, unsigned from, unsigned n, struct region **gone)
{
	for (unsigned i = 0; i < n; i++) {
		gone[i] = s->regions[from + i];
		update_entries(s, gone[i], true);
	}
	s->nr_regions -= n;
	for (unsigned i = from; i < s->nr_regions; i++)
		s->regions[i] = s->regions[i + n];
}

int space_unmap(struct space *s, u64 va, size_t pages)
{
	struct region *gone[SPACE_REGIONS_MAX];
	unsigned from;
	u64 flags;
	int n;

	if (!valid(va, pages))
		return -EINVAL;
	flags = spin_lock_irqsave(&s->lock);
	n = isolate(s, va, va + pages * PAGE_SIZE, &from);
	if (n > 0)
		take_out(s, from, (unsigned)n, gone);
	spin_unlock_irqrestore(&s->lock, flags);
	if (n > 0)
		flush(s, va, pages);
	for (int i = 0; i < n; i++) /* and no CPU has an old translation to their frames */
		drop_memory(gone[i]);
	put_regions(s, gone, n);
	return min(n, 0);
}

/* Any region of it, which is one no more; NULL: there is none. */
static struct region *take_out_any(struct space *s, const struct memory *m)
{
	u64 flags = spin_lock_irqsave(&s->lock);
	struct region *gone = NULL;

	for (unsigned i = 0; i < s->nr_regions && !gone; i++)
		if (s->regions[i]->memory == m)
			take_out(s, i, 1, &gone);
	spin_unlock_irqrestore(&s->lock, flags);
	return gone;
}

/* At most so often: who maps it again all the time isn't followed for ever. */
void space_unmap_memory(struct space *s, const struct memory *m)
{
	struct region *r;

	for (unsigned i = 0; i < SPACE_REGIONS_MAX && (r = take_out_any(s, m)); i++) {
		flush(s, r->va, r->pages);
		drop_memory(r);
		put_regions(s, &r, 1);
	}
}

/* Is all of it mapped, by these, and with those rights at least? */
static int check_rights(const struct space *s, u64 va, u64 end, unsigned from, unsigned n, u32 rights)
{
	for (unsigned i = from; i < from + n; i++) {
		const struct region *r = s->regions[i];

		if (r->va != va)
			return -EFAULT;
		if (rights & ~r->rights)
			return -EACCES;
		va = end_of(r);
	}
	return va == end ? 0 : -EFAULT;
}

/* They get fewer rights. Which objects are written by one mapping less: to be told when it is so on all CPUs. */
static unsigned reduce(struct space *s, unsigned from, unsigned n, u32 rights, struct memory **written)
{
	unsigned nr = 0;

	for (unsigned i = from; i < from + n; i++) {
		struct region *r = s->regions[i];

		if (r->rights & ~rights & MAP_WRITE) {
			memory_get(r->memory); /* it may be unmapped before we say so */
			written[nr++] = r->memory;
		}
		r->rights = rights;
		update_entries(s, r, !rights);
	}
	return nr;
}

int space_protect(struct space *s, u64 va, size_t pages, u32 rights)
{
	u64 flags, end = va + pages * PAGE_SIZE;
	struct memory *written[SPACE_REGIONS_MAX];
	unsigned from, nr = 0;
	int n, err;

	if (!valid(va, pages) || !sensible(rights))
		return -EINVAL;
	flags = spin_lock_irqsave(&s->lock);
	n = isolate(s, va, end, &from);
	err = n < 0 ? n : check_rights(s, va, end, from, (unsigned)n, rights);
	if (err)
		n = 0;
	if (n > 0)
		nr = reduce(s, from, (unsigned)n, rights, written);
	spin_unlock_irqrestore(&s->lock, flags);
	if (n > 0)
		flush(s, va, pages);
	while (nr--) {
		memory_end_write(written[nr]);
		memory_put(written[nr]);
	}
	return err;
}

/* The entry for @va, and the tables on the way to it paid for; NULL: no memory. */
static u64 *make_entry(struct space *s, u64 va)
{
	u64 *e = user_pte(s->pml4, va, false);
	unsigned missing;

	if (e)
		return e;
	missing = user_tables_missing(s->pml4, va);
	if (account_charge(s->account, ACCOUNT_PAGES, missing) != 0)
		return NULL;
	e = user_pte(s->pml4, va, true);
	s->nr_tables += missing;
	missing = user_tables_missing(s->pml4, va); /* of those that there was no memory for */
	s->nr_tables -= missing;
	account_uncharge(s->account, ACCOUNT_PAGES, missing);
	return e;
}

static int fault_in(struct space *s, u64 va, u64 error)
{
	unsigned at = find(s, va);
	const struct region *r;
	u64 pa, *e;

	if (at == s->nr_regions || s->regions[at]->va > va)
		return -EFAULT;
	r = s->regions[at];
	if (!r->rights || (error & ERROR_WRITE && !(r->rights & MAP_WRITE)) ||
	    (error & ERROR_FETCH && !(r->rights & MAP_EXECUTE)))
		return -EACCES;
	pa = memory_frame(r->memory, r->first + (va - r->va) / PAGE_SIZE, true);
	e = pa ? make_entry(s, va) : NULL;
	if (!e)
		return -ENOMEM;
	WRITE_ONCE(*e, pte_of(r->rights, pa));
	return 0;
}

/* No flush: an entry that wasn't there is in no TLB, and one that has been is looked at again before it leads to a fault. */
int space_fault(struct space *s, u64 addr, u64 error)
{
	u64 flags = spin_lock_irqsave(&s->lock);
	int err = fault_in(s, ALIGN_DOWN(addr, PAGE_SIZE), error);

	spin_unlock_irqrestore(&s->lock, flags);
	return err;
}
