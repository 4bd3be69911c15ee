/* A slot of kernel addresses for each stack, with frames only for its upper part; and pages of text. */
#include "mm/vmem.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/paging.h"
#include "context/spinlock.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "mm/frames.h"

static_assert(GUARD_SIZE % PAGE_SIZE == 0 && STACK_SLOT_SIZE % PAGE_SIZE == 0, "stacks are made of pages");

/*
 * For the slots, and for map_pages(), which takes one caller at a time. Never held while unmapping:
 * that has to wait for other CPUs, which may be waiting for the lock.
 */
static SPINLOCK(stacks_lock);
/* Slots that somebody has: from before they are live until after. */
static u64 taken[STACK_SLOTS / 64];

static struct kstack *take_slot(void)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);
	size_t i = bitmap_find_clear(taken, STACK_SLOTS, 0, 1);

	if (i < STACK_SLOTS)
		bitmap_set(taken, i, 1);
	spin_unlock_irqrestore(&stacks_lock, flags);
	return i < STACK_SLOTS ? &stack_slots[i] : NULL;
}

static void give_slot(const struct kstack *s)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);

	bitmap_clear(taken, (size_t)(s - stack_slots), 1);
	spin_unlock_irqrestore(&stacks_lock, flags);
}

/* Adjacent frames: so everything that can fail has failed, or not, before anything is mapped. */
static bool map_frames(u64 base, size_t pages)
{
	u64 flags, pa = frames_alloc(pages);
	int err;

	if (!pa)
		return false;
	flags = spin_lock_irqsave(&stacks_lock);
	err = map_pages(base, pa, pages, PAGE_RW);
	spin_unlock_irqrestore(&stacks_lock, flags);
	if (err)
		frames_free(pa, pages);
	return !err;
}

static size_t pages_of(const struct kstack *s) { return (s->top - s->base) / PAGE_SIZE; }

static void set_live(const struct kstack *s, bool live)
{
	size_t i = (size_t)(s - stack_slots);
	u64 bit = 1ul << i % 64;

	/* Atomic, for whoever sets a neighbour's; release, for those who look without a lock: the description is whole. */
	if (live)
		__atomic_fetch_or(&stack_slots_live[i / 64], bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&stack_slots_live[i / 64], ~bit, __ATOMIC_RELEASE);
}

struct kstack *kstack_alloc(size_t size)
{
	struct kstack *s = !size || size % PAGE_SIZE || size > KSTACK_MAX ? NULL : take_slot();
	u64 start;

	if (!s)
		return NULL;
	start = STACK_AREA + (u64)(s - stack_slots) * STACK_SLOT_SIZE;
	*s = (struct kstack){ .name = "thread", .guard = start, .top = start + STACK_SLOT_SIZE };
	s->base = s->top - size;
	if (!map_frames(s->base, pages_of(s))) {
		give_slot(s);
		return NULL;
	}
	set_live(s, true);
	return s;
}

void kstack_free(struct kstack *s)
{
	u64 pa;

	if (!s)
		return;
	BUG_ON(stack_of(s->base) != s);
	pa = virt_to_phys((void *)s->base);
	set_live(s, false);
	unmap_pages(s->base, pages_of(s));
	frames_free(pa, pages_of(s));
	give_slot(s);
}

struct frames {
	const u64 *pa;
	size_t n;
};

static void forget(void *arg)
{
	const struct frames *f = arg;

	for (size_t i = 0; i < f->n; i++)
		invlpg(DIRECT_MAP + f->pa[i]);
}

static void forget_everywhere(const u64 *pa, size_t n)
{
	struct frames f = { pa, n };

	forget(&f);
	smp_call_others(forget, &f);
}

/* Their pages of the direct map are small ones already. Under the lock. */
static void show(const u64 *pa, size_t n)
{
	while (n--)
		BUG_ON(direct_map_show(pa[n]) != 0);
}

int frames_protect(const u64 *pa, size_t n)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		err = direct_map_read_only(pa[i]);
		if (err)
			show(pa, i);
	}
	spin_unlock_irqrestore(&stacks_lock, flags);
	forget_everywhere(pa, n); /* also when it failed: a translation from in between would be a fault */
	return err;
}

void frames_unprotect(const u64 *pa, size_t n)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);

	show(pa, n);
	spin_unlock_irqrestore(&stacks_lock, flags);
	forget_everywhere(pa, n);
}

/* The frame leaves the direct map, on all CPUs, before it becomes executable: it never has a writable name besides. */
int text_page_alloc(u64 va, u8 fill)
{
	u64 flags, pa = frame_alloc();
	int err;

	if (!pa)
		return -ENOMEM;
	memset(phys_to_virt(pa), fill, PAGE_SIZE);
	flags = spin_lock_irqsave(&stacks_lock);
	err = direct_map_clear(pa);
	spin_unlock_irqrestore(&stacks_lock, flags);
	if (err) {
		frame_free(pa);
		return err;
	}
	flush_everywhere(DIRECT_MAP + pa, 1);
	flags = spin_lock_irqsave(&stacks_lock);
	err = map_pages(va, pa, 1, PAGE_RX);
	if (err)
		direct_map_show(pa);
	spin_unlock_irqrestore(&stacks_lock, flags);
	if (err)
		frame_free(pa);
	return err;
}
