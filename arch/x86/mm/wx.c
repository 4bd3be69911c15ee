/*
 * Two walks over the raw page tables: the first collects the physical ranges that can be executed,
 * the second looks for a writable mapping of any of them.
 */
#include "arch/x86/mm/wx.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "lib/compiler.h"

#define MAX_RANGES 640 /* the image, trampolines, and up to 512 pages of probes' slots, each perhaps alone */

struct leaf {
	u64 va, pa, size;
	bool write, exec;
};

/* Executable, neighbours joined. Packed, as there are many. */
struct range {
	u64 va;
	u32 page, pages;
};

struct walk {
	void (*each)(struct walk *w, const struct leaf *leaf);
	struct wx_result *result;
	unsigned nr_ranges;
	struct range ranges[MAX_RANGES];
};

extern u8 __image_end[];

/* Tables lie in the image or in RAM; this is the only thing taken from the mapper's world. */
static const u64 *table(u64 pa)
{
	return pa < (u64)__image_end - KERNEL_BASE ? (const u64 *)(pa + KERNEL_BASE) : phys_to_virt(pa);
}

/* Rights are the AND over all levels (SDM vol. 3, 4.6): one level's veto is enough. */
static void walk_table(struct walk *w, u64 pa, int level, u64 va, bool write, bool exec)
{
	const u64 *t = table(pa);

	for (u64 i = 0; i < 512; i++) {
		u64 e = t[i], size = PAGE_SIZE << (9 * level);
		bool ew = write && (e & PTE_W), ex = exec && !(e & PTE_NX);
		u64 at = va + i * size;

		if (!(e & PTE_P))
			continue;
		if (level == 3 && i >= 256)
			at |= 0xffff000000000000ul;
		if (level == 0 || (level < 3 && (e & PTE_PS)))
			w->each(w, &(struct leaf){ at, e & PTE_ADDR & ~(size - 1), size, ew, ex });
		else
			walk_table(w, e & PTE_ADDR, level - 1, at, ew, ex);
	}
}

static void collect(struct walk *w, const struct leaf *l)
{
	struct range *last = &w->ranges[w->nr_ranges - 1];
	struct range r = { l->va, (u32)(l->pa / PAGE_SIZE), (u32)(l->size / PAGE_SIZE) };

	w->result->leaves++;
	if (!l->exec)
		return;
	w->result->executable++;
	if (w->nr_ranges && last->page + last->pages == r.page &&
	    last->va + last->pages * PAGE_SIZE == r.va) {
		last->pages += r.pages;
		return;
	}
	BUG_ON(w->nr_ranges == MAX_RANGES);
	w->ranges[w->nr_ranges++] = r;
}

static void look_for_writable(struct walk *w, const struct leaf *l)
{
	for (unsigned i = 0; l->write && i < w->nr_ranges; i++) {
		const struct range *x = &w->ranges[i];
		u64 pa = x->page * PAGE_SIZE;

		if (l->pa + l->size <= pa || pa + x->pages * PAGE_SIZE <= l->pa)
			continue;
		if (!w->result->violations++) {
			w->result->bad_exec = l->pa > pa ? x->va + (l->pa - pa) : x->va;
			w->result->bad_write = l->pa > pa ? l->va : l->va + (pa - l->pa);
		}
	}
}

static void check(struct walk *w, u64 pa, struct wx_result *out)
{
	*out = (struct wx_result){ 0 };
	w->result = out;
	w->nr_ranges = 0;
	w->each = collect;
	walk_table(w, pa, 3, 0, true, true);
	w->each = look_for_writable;
	walk_table(w, pa, 3, 0, true, true);
	/* Without CR0.WP the kernel may write to what the tables call read-only. */
	out->violations += !(read_cr0() & X86_CR0_WP);
}

static u64 loaded(void) { return read_cr3() & PTE_ADDR; }

/* A walk is too big for a kernel stack. One CPU at a time; locks are above this floor. */
void wx_check_root(u64 pa, struct wx_result *out)
{
	static struct walk walk;
	static bool busy;
	u64 flags = raw_local_irq_save();

	while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		cpu_relax();
	check(&walk, pa ?: loaded(), out);
	__atomic_clear(&busy, __ATOMIC_RELEASE);
	raw_local_irq_restore(flags);
}

void wx_check(struct wx_result *out) { wx_check_root(0, out); }

void wx_check_poke(u64 shared, struct wx_result *out, struct wx_result *out_shared)
{
	static struct walk walk;
	static bool busy;

	*out = *out_shared = (struct wx_result){ 0 };
	if (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		return;
	check(&walk, loaded(), out);
	check(&walk, shared, out_shared);
	__atomic_clear(&busy, __ATOMIC_RELEASE);
}
