/*
 * A process's copies of probed instructions: pages that it can execute and nobody can write, behind no region of its space. A copy is
 * made at the first hit and stays as long as the space: a thread may be in it for as long as it likes.
 */
#include "arch/x86/mm/text_poke.h"
#include "kernel/uprobe/internal.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"

#define COPY_SIZE 32u /* the instruction, and a jump back behind it */
#define A_PAGE	  (PAGE_SIZE / COPY_SIZE)
#define PAGES	  ((COPIES_END - COPIES_START) / PAGE_SIZE)
#define BUCKETS	  64u

struct copy {
	u64 original;
	u16 next; /* in its chain; 0: none */
	u8 length;
	u8 bytes[INSN_MAX_LENGTH];
};
static_assert(sizeof(struct copy) == COPY_SIZE, "a page of these tells of a page of copies");

/* Under the space's lock; it grows under uprobe_mutex. */
struct copies {
	u32 count; /* the first is the trampoline */
	u16 chains[BUCKETS];
	struct copy *about[PAGES];
	u64 frames[PAGES];
};
static_assert(sizeof(struct copies) <= KMALLOC_MAX, "an object");

static struct copy *about(const struct copies *c, u32 i) { return &c->about[i / A_PAGE][i % A_PAGE]; }
static u64 va_of(u32 i) { return COPIES_START + i * COPY_SIZE; }
static u16 *chain(struct copies *c, u64 original)
{
	return &c->chains[original * 0x9e3779b1u >> 8 & (BUCKETS - 1)];
}

static u64 find(struct space *s, const struct displaced *d)
{
	u64 flags = spin_lock_irqsave(&s->lock), va = 0;
	struct copies *c = s->copies;

	for (u32 i = c ? *chain(c, d->va) : 0; i && !va; i = about(c, i)->next) {
		const struct copy *a = about(c, i);

		if (a->original == d->va && a->length == d->insn.length &&
		    memcmp(a->bytes, d->bytes, a->length) == 0)
			va = va_of(i);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return va;
}

/* Full of int3s. */
static u64 make_frame(void)
{
	u64 pa = frame_alloc();

	if (!pa)
		return 0;
	memset(phys_to_virt(pa), INT3_BYTE, PAGE_SIZE);
	if (frames_protect(&pa, 1) == 0)
		return pa;
	frame_free(pa);
	return 0;
}

static void free_frame(u64 pa)
{
	frames_unprotect(&pa, 1);
	frame_free(pa);
}

/* What @n pages cost: them and what tells of each; and with the first the structure itself. */
static u64 cost(u32 n) { return n ? 2 * n + 1 : 0; }

/*
 * Page @i, which anyone may execute from then on. The process pays, be it beyond its limit: it isn't to have it in its hand whether
 * others can probe what it runs.
 */
static bool map(struct space *s, struct copies *c, u32 i, u64 pa)
{
	u64 flags = spin_lock_irqsave(&s->lock), va = COPIES_START + i * PAGE_SIZE;
	unsigned tables = user_tables_missing(s->pml4, va);
	u64 *e = user_pte(s->pml4, va, true);

	tables -= user_tables_missing(s->pml4, va); /* when there was no memory for all */
	s->nr_tables += tables;
	account_charge_anyway(s->account, ACCOUNT_PAGES, tables + (e ? cost(i + 1) - cost(i) : 0));
	if (e) {
		c->frames[i] = pa;
		s->copies = c;
		WRITE_ONCE(*e, pa | PTE_P | PTE_U);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return e;
}

static bool add_page(struct space *s, struct copies *c, u32 i)
{
	u64 pa = make_frame(), meta = pa ? frame_alloc() : 0;

	if (meta)
		c->about[i] = phys_to_virt(meta);
	if (meta && map(s, c, i, pa))
		return true;
	c->about[i] = NULL;
	if (meta)
		frame_free(meta);
	if (pa)
		free_frame(pa);
	return false;
}

/* The page may be there already: made for a copy that couldn't be written. */
static bool has_page(struct space *s, struct copies *c, u32 i)
{
	return i < PAGES && (c->frames[i] || add_page(s, c, i));
}

/* Room for copy @c->count. */
static struct copies *make_room(struct space *s)
{
	struct copies *c = s->copies, *fresh = c ?: kzalloc(sizeof(*c));

	if (!fresh || !has_page(s, fresh, fresh->count / A_PAGE)) {
		if (!c)
			kfree(fresh);
		return NULL;
	}
	if (!c)
		fresh->count = 1;
	return fresh;
}

/* The copy as it must read there, and "jmp *0(%rip)" with where it leads. */
static bool write(u64 pa, u64 va, const struct displaced *d)
{
	u8 code[INSN_MAX_LENGTH + 14] = { 0 };
	u64 next = d->va + d->insn.length;
	size_t n = d->insn.length;

	if (insn_copy(code, d->bytes, &d->insn, d->va, va) != 0)
		return false;
	code[n] = 0xff;
	code[n + 1] = 0x25;
	memcpy(code + n + 6, &next, sizeof(next));
	text_poke((u8 *)phys_to_virt(pa) + va % PAGE_SIZE, code, n + 14);
	return true;
}

static u64 make(struct space *s, const struct displaced *d)
{
	struct copies *c = make_room(s);
	u64 va = c ? va_of(c->count) : 0, flags;
	struct copy *a;

	if (!c || !write(c->frames[c->count / A_PAGE], va, d))
		return 0;
	flags = spin_lock_irqsave(&s->lock);
	a = about(c, c->count);
	*a = (struct copy){ .original = d->va, .next = *chain(c, d->va), .length = d->insn.length };
	memcpy(a->bytes, d->bytes, a->length);
	*chain(c, d->va) = (u16)c->count++;
	spin_unlock_irqrestore(&s->lock, flags);
	return va;
}

u64 copy_get(struct space *s, const struct displaced *d)
{
	u64 va = find(s, d);

	if (va)
		return va;
	mutex_lock(&uprobe_mutex);
	va = find(s, d) ?: make(s, d);
	mutex_unlock(&uprobe_mutex);
	return va;
}

bool copy_make_trampoline(struct space *s)
{
	bool there = READ_ONCE(s->copies);

	if (there)
		return true;
	mutex_lock(&uprobe_mutex);
	there = s->copies || make_room(s);
	mutex_unlock(&uprobe_mutex);
	return there;
}

bool copy_original(struct space *s, u64 ip, u64 *original, u64 *behind)
{
	u64 flags, i = (ip - COPIES_START) / COPY_SIZE;
	const struct copies *c;
	bool found;

	if (ip < COPIES_START || ip >= COPIES_END)
		return false;
	flags = spin_lock_irqsave(&s->lock);
	c = s->copies;
	found = c && i && i < c->count;
	if (found) {
		*original = about(c, (u32)i)->original;
		*behind = min((ip - COPIES_START) % COPY_SIZE, (u64)about(c, (u32)i)->length);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return found;
}

void space_free_copies(struct space *s)
{
	struct copies *c = s->copies;
	u32 i;

	for (i = 0; c && i < PAGES && c->frames[i]; i++) {
		free_frame(c->frames[i]);
		frame_free(virt_to_phys(c->about[i]));
	}
	account_uncharge(s->account, ACCOUNT_PAGES, cost(i));
	kfree(c);
}
