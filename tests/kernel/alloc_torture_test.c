/* All CPUs take and give back everything that is made of memory; each finds in its own what it put there, and nothing is lost. */
#include "arch/x86/mm/paging.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"

#define KEPT   32
#define STEPS  4000
#define STACKS 20 /* giving one back is a call to all CPUs, and so is joining a thread */

/* What one member of the crowd holds. */
struct hoard {
	u64 seed;
	u64 *objects[KEPT];
	size_t words[KEPT];
	u64 frames[KEPT];
	size_t pages[KEPT];
	int errors;
};

static struct hoard *hoards; /* one for each CPU, in frames: the image has little room */

static u32 draw(struct hoard *h, u32 below)
{
	h->seed = h->seed * 6364136223846793005ul + 1442695040888963407ul;
	return (u32)(h->seed >> 33) % below;
}

/* A mark that says whose it is, where, and how long: at both ends. */
static void mark(struct hoard *h, u64 *at, size_t words) { at[0] = at[words - 1] = (u64)at ^ (u64)h ^ words; }

static void check(struct hoard *h, const u64 *at, size_t words)
{
	u64 want = (u64)at ^ (u64)h ^ words;

	h->errors += at[0] != want || at[words - 1] != want;
}

static void object_step(struct hoard *h, u32 k)
{
	if (h->objects[k]) {
		check(h, h->objects[k], h->words[k]);
		kfree(h->objects[k]);
		h->objects[k] = NULL;
		return;
	}
	h->words[k] = 1 + draw(h, KMALLOC_MAX / 8);
	h->objects[k] = kmalloc(h->words[k] * 8);
	h->errors += !h->objects[k];
	if (h->objects[k])
		mark(h, h->objects[k], h->words[k]);
}

static void frames_step(struct hoard *h, u32 k)
{
	u64 *at = phys_to_virt(h->frames[k]);

	if (h->frames[k]) {
		check(h, at, h->pages[k] * PAGE_SIZE / 8);
		frames_free(h->frames[k], h->pages[k]);
		h->frames[k] = 0;
		return;
	}
	h->pages[k] = 1 + draw(h, 5);
	h->frames[k] = frames_alloc(h->pages[k]);
	h->errors += !h->frames[k];
	at = phys_to_virt(h->frames[k]);
	if (h->frames[k]) {
		h->errors += at[0] || at[h->pages[k] * PAGE_SIZE / 8 - 1];
		mark(h, at, h->pages[k] * PAGE_SIZE / 8);
	}
}

static int hoard(void *cpu)
{
	struct hoard *h = &hoards[(long)cpu];

	*h = (struct hoard){ .seed = (u64)(long)cpu * 7919 + 1 };
	for (unsigned i = 0; i < stressed_each(STEPS); i++) {
		object_step(h, draw(h, KEPT));
		frames_step(h, draw(h, KEPT));
	}
	for (u32 k = 0; k < KEPT; k++) {
		if (h->objects[k])
			object_step(h, k);
		if (h->frames[k])
			frames_step(h, k);
	}
	return h->errors;
}

KTEST(smp, memory_is_exact_after_all_allocate)
{
	const size_t pages = ALIGN_UP(NR_CPUS * sizeof(*hoards), PAGE_SIZE) / PAGE_SIZE;
	u64 pa = frames_alloc(pages);
	size_t frames = frames_free_count();

	EXPECT(pa);
	if (!pa)
		return;
	hoards = phys_to_virt(pa);
	memset(hoards, 0, pages * PAGE_SIZE);
	EXPECT_EQ(crowd_run(hoard), 0);
	EXPECT_EQ(frames_free_count(), frames);
	frames_free(pa, pages);
}

static int use_a_stack(void)
{
	struct kstack *s = kstack_alloc(IST_STACK_SIZE);
	u64 *low, *high;
	int errors = 0;

	if (!s)
		return 1;
	low = (u64 *)s->base;
	high = (u64 *)s->top - 1;
	errors += *low || *high; /* zeroed, whoever had it before */
	*low = *high = (u64)s ^ s->top;
	errors += stack_of(s->base) != s || *low != *high;
	kstack_free(s);
	return errors;
}

static int say_where(void *arg)
{
	u64 *cpu = arg;

	*cpu = this_cpu(cpu_number);
	return 42;
}

/* A thread here or on the next CPU. */
static int use_a_thread(u32 cpu)
{
	u64 where = NR_CPUS;
	struct thread *t = thread_create("child", say_where, &where, PRIORITY_DEFAULT, 1u << cpu);

	if (!t)
		return 1;
	return (thread_join(t) != 42) + (where != cpu);
}

static int make_and_drop(void *cpu)
{
	u32 here = (u32)(long)cpu, next = crowd_next_cpu(here);
	int errors = 0;

	for (unsigned i = 0; i < stressed_each(STACKS); i++) {
		errors += use_a_stack();
		errors += use_a_thread(i % 2 ? here : next);
	}
	return errors;
}

/* Tables for as many stacks as there can be at once: those stay. */
static void make_stack_tables(void)
{
	struct kstack *s[4 * NR_CPUS];

	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = kstack_alloc(IST_STACK_SIZE);
		EXPECT(s[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		kstack_free(s[i]);
}

KTEST(smp, stacks_and_threads_are_exact_after_all_make_some)
{
	size_t frames;

	make_stack_tables();
	frames = frames_free_count();
	EXPECT_EQ(crowd_run(make_and_drop), 0);
	EXPECT_EQ(frames_free_count(), frames);
}
