/* Makes and frees the tables of a root's lower half, one frame each, when they are first needed. */
#include "arch/x86/mm/user.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define HALF 256 /* entries of the root table */

#define FLUSH_MAX 64 /* pages; for more it is cheaper to forget all */

u64 user_root_make(void)
{
	u64 root = table_take();

	if (root)
		memcpy((u64 *)phys_to_virt(root) + HALF, boot_pml4 + HALF, HALF * sizeof(u64));
	return root;
}

static void free_below(u64 table, int level, unsigned entries)
{
	const u64 *e = phys_to_virt(table);

	for (unsigned i = 0; level > 0 && i < entries; i++)
		if (e[i] & PTE_P)
			free_below(e[i] & PTE_ADDR, level - 1, 512);
	table_give(table);
}

void user_root_free(u64 root) { free_below(root, 3, HALF); }

u64 *user_pte(u64 root, u64 va, bool make)
{
	u64 *table = phys_to_virt(root);

	for (int level = 3; level > 0; level--) {
		u64 *e = &table[va >> (12 + 9 * level) & 511];

		if (!(*e & PTE_P)) {
			u64 t = make ? table_take() : 0;

			if (!t)
				return NULL;
			WRITE_ONCE(*e, t | PTE_P | PTE_W | PTE_U); /* whole: another CPU may be walking */
		}
		table = phys_to_virt(*e & PTE_ADDR);
	}
	return &table[va >> 12 & 511];
}

unsigned user_tables_missing(u64 root, u64 va)
{
	const u64 *table = phys_to_virt(root);

	for (int level = 3; level > 0; level--) {
		u64 e = table[va >> (12 + 9 * level) & 511];

		if (!(e & PTE_P))
			return (unsigned)level;
		table = phys_to_virt(e & PTE_ADDR);
	}
	return 0;
}

struct range {
	u64 va;
	size_t pages;
};

static void flush(void *arg)
{
	const struct range *r = arg;

#ifdef MUTANT_stale_tlb
	return;
#endif
	if (r->pages > FLUSH_MAX)
		write_cr3(read_cr3());
	else
		for (size_t i = 0; i < r->pages; i++)
			invlpg(r->va + i * PAGE_SIZE);
}

void user_flush(u32 cpus, u64 va, size_t pages)
{
	struct range r = { va, pages };

	smp_call(cpus, flush, &r);
}
