/* From the boot map to frames: the buddy allocator's numbers become addresses, zeroed and under a lock. */
#include "mm/frames.h"

#include "arch/x86/entry/graph.h"
#include "arch/x86/mm/paging.h"
#include "context/spinlock.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/buddy.h"

/* The first MiB stays the firmware's and the start-up code's. */
#define LOW_MEMORY (1ul << 20)

static_assert(FRAMES_MAX == BUDDY_MAX_FRAMES, "what frames.h promises is what the buddy allocator has");

extern u8 __image_end[];

static u64 early_next, early_end;
static SPINLOCK(frames_lock);
static struct buddy buddy;
static size_t nr_total;

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

/* Not zeroed. */
static u64 early_take(u64 pages)
{
	u64 pa;

	if (!early_end)
		early_init();
	pa = early_next;
	if (pages > (early_end - pa) / PAGE_SIZE)
		return 0;
	early_next += pages * PAGE_SIZE;
	return pa;
}

u64 frames_early_alloc(void)
{
	u64 pa = early_take(1);

	if (pa)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

/* From the image's first page to the last early frame, all is taken. */
static void release_region(const struct mem_region *r)
{
	u64 start = max(r->base, LOW_MEMORY), end = r->base + r->size;

	if (start >= end)
		return;
	nr_total += (end - start) / PAGE_SIZE;
	start = max(start, early_next);
	if (start < end)
		buddy_add(&buddy, (u32)(start / PAGE_SIZE), (end - start) / PAGE_SIZE);
}

void frames_init(const struct boot_info *info)
{
	const struct mem_region *last = &info->regions[info->nr_regions - 1];
	u64 frames = (last->base + last->size) / PAGE_SIZE;
	u64 table = early_take(ALIGN_UP(buddy_table_size(frames), PAGE_SIZE) / PAGE_SIZE);

	if (!table)
		panic("boot: no memory for the map of memory");
	buddy_init(&buddy, phys_to_virt(table), (u32)frames);
	for (unsigned i = 0; i < info->nr_regions; i++)
		release_region(&info->regions[i]);
	early_end = early_next; /* from here on, frames come from the buddy allocator */
}

u64 frames_alloc(size_t n)
{
	u64 flags, pa;
	u32 i;

	if (alloc_should_fail())
		return 0;
	flags = spin_lock_irqsave(&frames_lock);
	i = buddy_alloc(&buddy, n);
	spin_unlock_irqrestore(&frames_lock, flags);
	if (i == BUDDY_NONE)
		return 0;
	pa = i * PAGE_SIZE;
	memset(phys_to_virt(pa), 0, n * PAGE_SIZE);
	return pa;
}

void frames_free(u64 pa, size_t n)
{
	u64 flags = spin_lock_irqsave(&frames_lock);
	bool ours = pa % PAGE_SIZE == 0 && buddy_free(&buddy, (u32)(pa / PAGE_SIZE), n);

	spin_unlock_irqrestore(&frames_lock, flags);
	if (!ours)
		panic("BUG: %lu frames freed at %lx, not all of which were allocated, by %pS", n, pa,
		      (void *)RETURN_ADDRESS());
}

void *frames_once(void **pointer, size_t size)
{
	size_t n = ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE;
	void *old = __atomic_load_n(pointer, __ATOMIC_ACQUIRE), *new;
	u64 pa;

	if (old)
		return old;
	pa = frames_alloc(n);
	if (!pa)
		return NULL;
	new = phys_to_virt(pa);
	if (__atomic_compare_exchange_n(pointer, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return new;
	frames_free(pa, n);
	return old;
}

u64 frame_alloc(void) { return frames_alloc(1); }
void frame_free(u64 pa) { frames_free(pa, 1); }
size_t frames_free_count(void) { return buddy.free; }
size_t frames_total(void) { return nr_total; }
