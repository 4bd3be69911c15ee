/* Rings get pages, more pages, fewer pages, none: all that is needed is there before anything changes. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "mm/frames.h"
#include "trace/internal.h"

/* Frames that a bigger buffer leaves to the others. */
#define KEEP_FREE 256

static size_t frames_for(size_t n, size_t size) { return ALIGN_UP(n * size, PAGE_SIZE) / PAGE_SIZE; }

/* In the image, as CPU 0's first pages and their slots are: not the allocator's. */
static bool is_static(const void *p) { return (u64)p >= KERNEL_BASE; }

void *ring_alloc(size_t n, size_t size)
{
	u64 pa = n ? frames_alloc(frames_for(n, size)) : 0;

	return pa ? phys_to_virt(pa) : NULL;
}

void ring_free(void *p, size_t n, size_t size)
{
	if (p && !is_static(p))
		frames_free(virt_to_phys(p), frames_for(n, size));
}

/* What a ring that is resized needs, got beforehand; and afterwards what it no longer needs. */
struct change {
	struct ring_cpu *ring;
	struct ring_slot *slots;
	struct ring_page **spare;
	u32 nr, old, nr_spare;
};

static bool prepare(struct change *c)
{
	c->old = c->ring->nr_slots;
	c->nr_spare = c->nr > c->old ? c->nr - c->old : c->old - c->nr;
	c->slots = ring_alloc(c->nr, sizeof(*c->slots));
	c->spare = ring_alloc(c->nr_spare, sizeof(void *));
	if (!c->slots || (c->nr_spare && !c->spare))
		return false;
	for (u32 i = 0; c->nr > c->old && i < c->nr_spare; i++) {
		c->spare[i] = ring_alloc(1, RING_PAGE_SIZE);
		if (!c->spare[i])
			return false;
	}
	return true;
}

static void drop_spare(struct change *c)
{
	for (u32 i = 0; c->spare && i < c->nr_spare; i++)
		ring_free(c->spare[i], 1, RING_PAGE_SIZE);
	ring_free(c->spare, c->nr_spare, sizeof(void *));
}

static void forget(struct change *c)
{
	drop_spare(c);
	ring_free(c->slots, c->nr, sizeof(*c->slots));
}

static void carry_out(struct change *c)
{
	struct ring_slot *old = c->ring->slots;

	if (old) {
		ring_resize(c->ring, c->slots, c->nr, c->spare);
		ring_free(old, c->old, sizeof(*old));
	} else {
		for (u32 i = 0; i < c->nr; i++)
			c->slots[i].page = c->spare[i];
		ring_init(c->ring, c->slots, c->nr);
	}
	/* Those that a longer ring has got aren't ours any more. */
	if (c->nr > c->old)
		ring_free(c->spare, c->nr_spare, sizeof(void *));
	else
		drop_spare(c);
}

int ring_create(struct ring_cpu *r, size_t pages)
{
	struct change c = { .ring = r, .nr = (u32)pages };

	if (!prepare(&c)) {
		forget(&c);
		return -ENOMEM;
	}
	carry_out(&c);
	return 0;
}

void ring_destroy(struct ring_cpu *r)
{
	for (u32 i = 0; i < r->nr_slots; i++)
		ring_free(r->slots[i].page, 1, RING_PAGE_SIZE);
	ring_free(r->slots, r->nr_slots, sizeof(*r->slots));
	*r = (struct ring_cpu){ .layout = r->layout + 1 };
}

int ring_copy(struct ring_cpu *to, struct ring_cpu *from)
{
	u64 overrun = READ_ONCE(from->overrun), read = from->read;
	u32 kept;

	if (from->nr_slots + KEEP_FREE > frames_free_count())
		return -ENOMEM;
	if (ring_create(to, from->nr_slots) != 0)
		return -ENOMEM;
	kept = ring_read_pages(from, to->slots, to->nr_slots);
	if (kept)
		ring_adopt(to, kept);
	to->overrun = overrun;
	to->read = read;
	return 0;
}

static bool too_many(size_t pages, u32 cpu)
{
	size_t more = 0;

	/* Each CPU's slots are one allocation. */
	if (pages > FRAMES_MAX * PAGE_SIZE / sizeof(struct ring_slot))
		return true;
	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		const struct ring_cpu *r = &ring_sets[i / NR_CPUS][i % NR_CPUS];

		if (r->nr_slots && ring_cpu_chosen(i % NR_CPUS, cpu) && pages > r->nr_slots)
			more += pages - r->nr_slots;
	}
	return more && more + KEEP_FREE > frames_free_count();
}

int ring_buffer_resize(u32 cpu, size_t pages)
{
	struct change changes[2 * NR_CPUS];
	u32 n = 0;
	int err = 0;

	if (pages < RING_MIN_PAGES)
		pages = RING_MIN_PAGES;
	if (too_many(pages, cpu))
		return -ENOMEM;
	/* The snapshot's rings change places with the others, so they have the same size. */
	for (u32 i = 0; i < 2 * NR_CPUS && !err; i++) {
		struct ring_cpu *r = &ring_sets[i / NR_CPUS][i % NR_CPUS];

		if (!r->nr_slots || !ring_cpu_chosen(i % NR_CPUS, cpu))
			continue;
		changes[n] = (struct change){ .ring = r, .nr = (u32)pages };
		err = prepare(&changes[n++]) ? 0 : -ENOMEM;
	}
	if (!err)
		ring_buffer_stop();
	for (u32 i = 0; i < n; i++) {
		if (err)
			forget(&changes[i]);
		else
			carry_out(&changes[i]);
	}
	if (!err)
		ring_buffer_start();
	return err;
}
