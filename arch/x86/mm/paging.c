/* Builds and changes the kernel's page tables (four levels, SDM vol. 3, 4.5). */
#include "arch/x86/mm/paging.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/stacks.h"
#include "lib/bug.h"
#include "lib/string.h"

#define SIZE_2M (1ul << 21)
#define WINDOW	(KERNEL_BASE + (4ul << 20))

/* Enough tables to map the first GiB, whose frames then provide the rest. */
#define POOL_TABLES 12

extern u64 boot_pt_fixmap[512];
extern u8 __boot_start[], __image_end[];

static u64 pool[POOL_TABLES][512] __aligned(4096);
static unsigned pool_used;
static table_alloc_fn alloc_frame;
static table_free_fn free_frame;

/* Tables set aside for a mapping under way, linked through their first words. */
static u64 spare;
static size_t nr_spare;

static u64 *table_at(u64 pa)
{
	if (pa < (u64)__image_end - KERNEL_BASE)
		return (u64 *)(pa + KERNEL_BASE);
	return phys_to_virt(pa);
}

static u64 new_table(void)
{
	u64 t = spare;

	if (t) {
		spare = *table_at(t);
		*table_at(t) = 0;
		nr_spare--;
		return t;
	}
	if (pool_used < POOL_TABLES)
		return (u64)pool[pool_used++] - KERNEL_BASE;
	return alloc_frame();
}

static unsigned table_index(u64 va, int level) { return va >> (12 + 9 * level) & 511; }

/* Replaces a 2 MiB leaf by a table of 512 small ones with the same rights. */
static int split(u64 *pde)
{
	u64 table = new_table(), *pte;

	if (!table)
		return -ENOMEM;
	pte = table_at(table);
	for (u64 i = 0; i < 512; i++)
		pte[i] = (*pde & ~PTE_PS) + i * PAGE_SIZE;
	*pde = table | PTE_P | PTE_W;
	return 0;
}

/* The entry for @va at @level (0: a page, 1: 2 MiB), making tables on the way. NULL: no memory. */
static u64 *make_pte(u64 va, int level)
{
	u64 *table = boot_pml4;

	for (int l = 3; l > level; l--) {
		u64 *e = &table[table_index(va, l)];

		if (!(*e & PTE_P)) {
			u64 t = new_table();

			if (!t)
				return NULL;
			*e = t | PTE_P | PTE_W;
		} else if ((*e & PTE_PS) && split(e) != 0) {
			return NULL;
		}
		table = table_at(*e & PTE_ADDR);
	}
	return &table[table_index(va, level)];
}

u64 *lookup_pte(u64 va, u64 *size)
{
	u64 *table = boot_pml4;

	for (int l = 3;; l--) {
		u64 *e = &table[table_index(va, l)];

		if (!(*e & PTE_P))
			return NULL;
		if (l == 0 || (*e & PTE_PS)) {
			if (size)
				*size = PAGE_SIZE << (9 * l);
			return e;
		}
		table = table_at(*e & PTE_ADDR);
	}
}

u64 virt_to_phys(const void *va)
{
	u64 size, *e = lookup_pte((u64)va, &size);

	return e ? (*e & PTE_ADDR & ~(size - 1)) + ((u64)va & (size - 1)) : 0;
}

/* Is there a table whose entries, at @level, are for @va? */
static bool has_table(u64 va, int level)
{
	u64 *table = boot_pml4;

	for (int l = 3; l > level; l--) {
		u64 e = table[table_index(va, l)];

		if (!(e & PTE_P) || (e & PTE_PS))
			return false;
		table = table_at(e & PTE_ADDR);
	}
	return true;
}

static size_t tables_missing(u64 va, u64 last)
{
	size_t n = 0;

	for (int level = 0; level < 3; level++) {
		u64 span = PAGE_SIZE << (9 * (level + 1));

		for (u64 at = ALIGN_DOWN(va, span); at <= last && at >= ALIGN_DOWN(va, span); at += span)
			n += !has_table(at, level);
	}
	return n;
}

/* All the tables a mapping will take, or none: what was taken from mm/ for it goes back. */
static bool reserve_tables(size_t n)
{
	size_t pooled = POOL_TABLES - pool_used;

	while (nr_spare + pooled < n) {
		u64 t = alloc_frame();

		if (!t)
			break;
		*table_at(t) = spare;
		spare = t;
		nr_spare++;
	}
	if (nr_spare + pooled >= n)
		return true;
	while (spare)
		free_frame(new_table());
	return false;
}

int map_pages(u64 va, u64 pa, size_t pages, u64 flags)
{
	for (size_t i = 0; i < pages; i++)
		if (lookup_pte(va + i * PAGE_SIZE, NULL))
			return -EEXIST;
	if (pages && !reserve_tables(tables_missing(va, va + (pages - 1) * PAGE_SIZE)))
		return -ENOMEM;
	for (size_t i = 0; i < pages; i++)
		*make_pte(va + i * PAGE_SIZE, 0) = (pa + i * PAGE_SIZE) | flags;
	return 0;
}

struct range {
	u64 va;
	size_t pages;
};

static void flush(void *arg)
{
	const struct range *r = arg;

	for (size_t i = 0; i < r->pages; i++)
		invlpg(r->va + i * PAGE_SIZE);
}

void flush_everywhere(u64 va, size_t pages)
{
	struct range r = { va, pages };

	flush(&r);
	smp_call_others(flush, &r);
}

void unmap_pages(u64 va, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		u64 *e = lookup_pte(va + i * PAGE_SIZE, NULL);

		if (e)
			*e = 0;
	}
	flush_everywhere(va, pages);
}

int direct_map_clear(u64 pa)
{
	u64 *e = make_pte(DIRECT_MAP + pa, 0);

	if (!e)
		return -ENOMEM;
	*e = 0;
	return 0;
}

int direct_map_hide(u64 pa)
{
	int err = direct_map_clear(pa);

	if (!err)
		flush_everywhere(DIRECT_MAP + pa, 1);
	return err;
}

static int direct_map_set(u64 pa, u64 rights)
{
	u64 *e = make_pte(DIRECT_MAP + pa, 0);

	if (!e)
		return -ENOMEM;
	*e = pa | rights;
	return 0;
}

int direct_map_show(u64 pa) { return direct_map_set(pa, PAGE_RW); }
int direct_map_read_only(u64 pa) { return direct_map_set(pa, PAGE_RO); }

void early_phys_read(u64 pa, void *buf, size_t len)
{
	u8 *out = buf;

	while (len) {
		size_t n = min(len, PAGE_SIZE - pa % PAGE_SIZE);

		boot_pt_fixmap[0] = (pa & PTE_ADDR) | PAGE_RO;
		invlpg(WINDOW);
		memcpy(out, (void *)(WINDOW + pa % PAGE_SIZE), n);
		pa += n;
		out += n;
		len -= n;
	}
}

/* Large pages where they fit, and never one over a frame of the image: those stay out of the direct map. */
static void map_ram(u64 pa, u64 end)
{
	u64 image_start = (u64)__boot_start, image_end = (u64)__image_end - KERNEL_BASE;

	while (pa < end) {
		bool large = pa % SIZE_2M == 0 && end - pa >= SIZE_2M &&
			     (pa + SIZE_2M <= image_start || pa >= image_end);
		u64 size = large ? SIZE_2M : PAGE_SIZE;

		if (large || pa < image_start || pa >= image_end) {
			u64 *e = make_pte(DIRECT_MAP + pa, large);

			if (!e)
				panic("boot: no memory for the direct map's tables");
			*e = pa | PAGE_RW | (large ? PTE_PS : 0);
		}
		pa += size;
	}
}

/* Its pages, whole: around it may be whatever the loader has left there. */
static void map_module(const struct mem_region *m)
{
	for (u64 pa = ALIGN_DOWN(m->base, PAGE_SIZE); pa < m->base + m->size; pa += PAGE_SIZE)
		if (direct_map_read_only(pa) != 0)
			panic("boot: no memory for the boot module's tables");
}

void protect_cpu(void)
{
	u32 r[4];
	u64 cr4 = read_cr4();

	cpuid(7, 0, r);
	if (r[1] & 1u << 7)
		cr4 |= X86_CR4_SMEP;
	if (r[1] & 1u << 20)
		cr4 |= X86_CR4_SMAP;
	if (r[2] & 1u << 2)
		cr4 |= X86_CR4_UMIP;
	write_cr4(cr4);
}

u64 table_take(void) { return alloc_frame(); }
void table_give(u64 pa) { free_frame(pa); }

void paging_set_allocator(table_alloc_fn alloc, table_free_fn free)
{
	alloc_frame = alloc;
	free_frame = free;
}

/* A page-table entry with an address bit too high is a fault at its first use (SDM vol. 3, 4.7). */
static void check_width(const struct boot_info *info)
{
	const struct mem_region *last = &info->regions[info->nr_regions - 1];
	u32 r[4], width;

	cpuid(0x80000008, 0, r);
	width = r[0] & 0xff;
	if (width && (last->base + last->size - 1) >> width)
		panic("boot: the memory map has RAM up to %lx, but this CPU's addresses have %u bits",
		      last->base + last->size, width);
}

void paging_init(const struct boot_info *info, table_alloc_fn alloc)
{
	check_width(info);
	alloc_frame = alloc;
	for (unsigned i = 0; i < info->nr_regions; i++)
		map_ram(info->regions[i].base, info->regions[i].base + info->regions[i].size);
	map_module(&info->module);
	for (int i = 0; i < NR_STACKS; i++)
		unmap_pages(kstacks[i].guard, GUARD_SIZE / PAGE_SIZE);
	/* Before anyone copies the upper half: what is mapped there later shows in every copy. */
	if (!make_pte(STACK_AREA, 2))
		panic("boot: no memory for the kernel stacks' tables");
	boot_pt_fixmap[0] = 0;
	boot_pml4[0] = 0;
	write_cr3(read_cr3()); /* forget the identity map and the window */
	protect_cpu();
}
