/* The memory map, made sane: usable ranges minus reserved ones, whole pages, in order. */
#include "arch/x86/boot/boot_info.h"

#include "lib/compiler.h"

#define PAGE 4096ull

/* Physical addresses end here on every x86-64 there is (SDM vol. 3, 4.1.4: at most 52 bits). */
#define PHYS_END (1ull << 52)

static void insert_at(struct boot_info *b, unsigned i, struct mem_region r)
{
	for (unsigned k = b->nr_regions++; k > i; k--)
		b->regions[k] = b->regions[k - 1];
	b->regions[i] = r;
}

static void remove_at(struct boot_info *b, unsigned i)
{
	b->nr_regions--;
	for (; i < b->nr_regions; i++)
		b->regions[i] = b->regions[i + 1];
}

static bool valid(u64 base, u64 size) { return base < PHYS_END && size <= PHYS_END - base; }

const char *regions_add(struct boot_info *b, u64 base, u64 size)
{
	unsigned i = 0;

	if (!valid(base, size))
		return "the boot loader's memory map has a range beyond physical memory";
	if (b->nr_regions == BOOT_MAX_REGIONS)
		return "the boot loader's memory map has too many ranges";
	while (i < b->nr_regions && b->regions[i].base < base)
		i++;
	insert_at(b, i, (struct mem_region){ base, size });
	return NULL;
}

const char *regions_reserve(struct boot_info *b, u64 base, u64 size)
{
	if (!valid(base, size))
		return NULL; /* it reserves nothing we could use */
	for (unsigned i = 0; i < b->nr_regions; i++) {
		struct mem_region *r = &b->regions[i];
		u64 end = r->base + r->size, stop = base + size;

		if (stop <= r->base || base >= end)
			continue;
		if (stop < end) { /* what lies above survives */
			if (base > r->base) {
				if (b->nr_regions == BOOT_MAX_REGIONS)
					return "the boot loader's memory map has too many ranges";
				insert_at(b, i + 1, (struct mem_region){ stop, end - stop });
				b->regions[i].size = base - b->regions[i].base;
				continue;
			}
			r->base = stop;
			r->size = end - stop;
		} else {
			r->size = base > r->base ? base - r->base : 0;
		}
	}
	return NULL;
}

const char *regions_finish(struct boot_info *b)
{
	for (unsigned i = 0; i + 1 < b->nr_regions;) { /* join what touches or overlaps */
		struct mem_region *r = &b->regions[i], *next = r + 1;

		if (r->base + r->size < next->base) {
			i++;
			continue;
		}
		r->size = max(r->base + r->size, next->base + next->size) - r->base;
		remove_at(b, i + 1);
	}
	for (unsigned i = 0; i < b->nr_regions;) {
		struct mem_region *r = &b->regions[i];
		u64 start = ALIGN_UP(r->base, PAGE), end = ALIGN_DOWN(r->base + r->size, PAGE);

		if (start >= end) {
			remove_at(b, i);
			continue;
		}
		*r = (struct mem_region){ start, end - start };
		i++;
	}
	return b->nr_regions ? NULL : "the boot loader's memory map has no usable memory";
}
