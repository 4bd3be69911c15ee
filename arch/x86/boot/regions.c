/* The memory map, made sane: usable ranges minus reserved ones, whole pages, in order. */
#include "arch/x86/boot/boot_info.h"

#include "lib/compiler.h"

#define PAGE 4096ull

/* What the direct map has room for; a CPU may address less (paging.c asks it), this kernel never more. */
#define PHYS_END (1ull << 46)

static const char too_many[] = "the boot loader's memory map has too many ranges";

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

/* The list is disjoint at any time: a new range swallows those that it overlaps or touches. */
const char *regions_add(struct boot_info *b, u64 base, u64 size)
{
	u64 end = base + size;
	unsigned i = 0;

	if (!size)
		return NULL;
	if (!valid(base, size))
		return "the boot loader's memory map has a range beyond physical memory";
	while (i < b->nr_regions && b->regions[i].base + b->regions[i].size < base)
		i++;
	while (i < b->nr_regions && b->regions[i].base <= end) {
		base = min(base, b->regions[i].base);
		end = max(end, b->regions[i].base + b->regions[i].size);
		remove_at(b, i);
	}
	if (b->nr_regions == BOOT_MAX_REGIONS)
		return too_many;
	insert_at(b, i, (struct mem_region){ base, end - base });
	return NULL;
}

const char *regions_reserve(struct boot_info *b, u64 base, u64 size)
{
	u64 stop = valid(base, size) ? base + size : PHYS_END;

	if (base >= PHYS_END || !size)
		return NULL; /* it reserves nothing we could use */
	for (unsigned i = 0; i < b->nr_regions;) {
		struct mem_region r = b->regions[i];
		u64 end = r.base + r.size;

		if (stop <= r.base || base >= end) {
			i++;
			continue;
		}
		remove_at(b, i);
		if (base > r.base)
			insert_at(b, i++, (struct mem_region){ r.base, base - r.base });
		if (stop < end) {
			if (b->nr_regions == BOOT_MAX_REGIONS)
				return too_many;
			insert_at(b, i++, (struct mem_region){ stop, end - stop });
		}
	}
	return NULL;
}

const char *regions_take_module(struct boot_info *b)
{
	const struct mem_region *m = &b->module;

	if (!m->size)
		return NULL;
	for (unsigned i = 0; i < b->nr_regions; i++) {
		const struct mem_region *r = &b->regions[i];

		if (m->base >= r->base && m->base - r->base < r->size &&
		    m->size <= r->size - (m->base - r->base))
			return regions_reserve(b, m->base, m->size);
	}
	return "the boot module isn't in usable memory";
}

const char *regions_finish(struct boot_info *b)
{
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
