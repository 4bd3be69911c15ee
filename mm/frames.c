/* A bitmap over all frames; set means taken. Simple to audit: counting the clear bits is the free memory. */
#include "mm/frames.h"

#include "arch/x86/mm/paging.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/string.h"

/* The first MiB stays the firmware's and the start-up code's. */
#define LOW_MEMORY (1ul << 20)

extern u8 __image_end[];

static u64 early_next, early_end;
static u64 *map; /* one bit a frame, from physical 0 */
static size_t nr_frames, nr_total, nr_free, search_from;

static void early_init(void)
{
	u64 image_end = (u64)__image_end - KERNEL_BASE, usable = 0;

	for (unsigned i = 0; i < boot_info.nr_regions; i++) {
		const struct mem_region *r = &boot_info.regions[i];

		if (r->base + r->size > LOW_MEMORY)
			usable += r->base + r->size - max(r->base, LOW_MEMORY);
		if (r->base <= image_end && r->base + r->size > image_end) {
			early_next = image_end;
			early_end = r->base + r->size;
		}
	}
	if (usable < MEM_MINIMUM)
		panic("boot: only %lu KiB of usable memory; Nestling needs at least %lu KiB", usable >> 10,
		      MEM_MINIMUM >> 10);
	if (!early_next)
		panic("boot: the memory map doesn't contain the kernel itself");
}

u64 frames_early_alloc(void)
{
	u64 pa;

	if (!early_end)
		early_init();
	if (early_next == early_end)
		return 0;
	pa = early_next;
	early_next += PAGE_SIZE;
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

static void release_region(const struct mem_region *r)
{
	u64 start = max(r->base, LOW_MEMORY), end = r->base + r->size;

	if (start >= end)
		return;
	bitmap_clear(map, start / PAGE_SIZE, (end - start) / PAGE_SIZE);
	nr_total += (end - start) / PAGE_SIZE;
}

void frames_init(const struct boot_info *info)
{
	const struct mem_region *last = &info->regions[info->nr_regions - 1];
	u64 pages, first;

	nr_frames = (last->base + last->size) / PAGE_SIZE;
	pages = ALIGN_UP(BITMAP_WORDS(nr_frames) * 8, PAGE_SIZE) / PAGE_SIZE;
	first = frames_early_alloc();
	for (u64 i = 1; first && i < pages; i++)
		if (!frames_early_alloc())
			first = 0;
	if (!first)
		panic("boot: no memory for the map of memory");
	map = phys_to_virt(first);
	memset(map, 0xff, pages * PAGE_SIZE);
	for (unsigned i = 0; i < info->nr_regions; i++)
		release_region(&info->regions[i]);
	/* From the image's first page to the last early frame, all is taken. */
	bitmap_set(map, LOW_MEMORY / PAGE_SIZE, (early_next - LOW_MEMORY) / PAGE_SIZE);
	nr_free = nr_frames - bitmap_count(map, nr_frames);
	search_from = early_next / PAGE_SIZE;
	early_end = early_next; /* from here on, frames come from the map */
}

u64 frames_alloc(size_t n)
{
	size_t i = bitmap_find_clear(map, nr_frames, search_from, n);

	if (i == nr_frames)
		i = bitmap_find_clear(map, nr_frames, 0, n);
	if (i == nr_frames)
		return 0;
	bitmap_set(map, i, n);
	nr_free -= n;
	search_from = i + n;
	memset(phys_to_virt(i * PAGE_SIZE), 0, n * PAGE_SIZE);
	return i * PAGE_SIZE;
}

void frames_free(u64 pa, size_t n)
{
	for (size_t i = 0; i < n; i++)
		BUG_ON(!bitmap_test(map, pa / PAGE_SIZE + i));
	bitmap_clear(map, pa / PAGE_SIZE, n);
	nr_free += n;
	search_from = min(search_from, pa / PAGE_SIZE);
}

u64 frame_alloc(void) { return frames_alloc(1); }
size_t frames_free_count(void) { return nr_free; }
size_t frames_total(void) { return nr_total; }
