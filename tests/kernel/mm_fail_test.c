/* Makes every allocation of a path fail in turn: each time the error comes back, and so does every frame. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"
#include "tracefs/tracefs.h"

/*
 * Runs @path with its first allocation failing, then with its second, … until one run has none left
 * to fail: that one must succeed, and is not undone. How many could fail is the answer.
 */
static unsigned fail_each(int (*path)(void))
{
	size_t before = frames_free_count();

	for (unsigned n = 1;; n++) {
		bool failed;
		int err;

		alloc_fail_nth(n);
		err = path();
		failed = !alloc_fail_pending();
		alloc_fail_nth(0);
		EXPECT_EQ(err, failed ? -ENOMEM : 0);
		if (!failed || err != -ENOMEM)
			return n - 1;
		EXPECT_EQ(frames_free_count(), before);
	}
}

KTEST(mm, the_nth_allocation_fails_once)
{
	u64 first, third;
	void *object;

	alloc_fail_nth(2);
	first = frame_alloc();
	EXPECT(first);
	EXPECT_EQ(alloc_fail_pending(), 1);
	EXPECT(!kmalloc(1));
	EXPECT_EQ(alloc_fail_pending(), 0);
	third = frame_alloc();
	object = kmalloc(1);
	EXPECT(third && object);
	kfree(object);
	frame_free(third);
	frame_free(first);
}

static int put(const char *path, const char *text) { return tracefs_write(path, text, strlen(text), true); }

KTEST(mm, the_control_file_makes_allocations_fail)
{
	static const char file[] = TRACEFS_MOUNT "/test/fail_alloc";

	EXPECT_EQ(put(file, "1\n"), 0);
	EXPECT(!frame_alloc());
	EXPECT_EQ(put(file, "2"), 0);
	EXPECT_EQ(put(file, "0"), 0);
	EXPECT_EQ(alloc_fail_pending(), 0);
	EXPECT_EQ(put(file, "1st"), -EINVAL);
	EXPECT_EQ(alloc_fail_pending(), 0);
}

static noinline void probed_a(void) { barrier(); }
static noinline void probed_b(void) { __asm__ volatile("nop"); }

static int define_probes(void)
{
	return put(TRACEFS_MOUNT "/kprobe_events", "p:mm/fail_a probed_a\np:mm/fail_b probed_b\n");
}

KTEST(mm, defining_probes_survives_failing_allocations)
{
	size_t before = frames_free_count();
	bool is_dir;

	probed_a();
	probed_b();
	/* Two objects and at least the page of the first. */
	EXPECT(fail_each(define_probes) >= 3);
	EXPECT_EQ(tracefs_stat(TRACEFS_MOUNT "/events/mm/fail_b/enable", &is_dir), 0);
	EXPECT_EQ(put(TRACEFS_MOUNT "/kprobe_events", "-:mm/fail_a\n-:mm/fail_b\n"), 0);
	EXPECT_EQ(frames_free_count(), before);
}

/* Unused addresses in a part of the tables that a run of this test hasn't been to. */
static u64 map_at;
static u64 map_pa;

static u64 next_gib(void)
{
	static u64 gib = 100;

	return STACK_AREA + (++gib << 30);
}

static int map_two_pages(void) { return map_pages(map_at, map_pa, 2, PAGE_RW); }

/* Tables that were set aside for boot come first, and can't fail. */
static void use_up_pool(void)
{
	for (size_t before = frames_free_count(); frames_free_count() == before;) {
		u64 va = next_gib();

		EXPECT_EQ(map_pages(va, map_pa, 1, PAGE_RW), 0);
		unmap_pages(va, 1);
	}
}

KTEST(mm, mapping_survives_failing_allocations)
{
	size_t before;

	map_pa = frames_alloc(2);
	use_up_pool();
	next_gib();
	map_at = next_gib() - PAGE_SIZE; /* one page on either side: two tables of two levels */
	before = frames_free_count();
	EXPECT_EQ(fail_each(map_two_pages), 4);
	EXPECT_EQ(virt_to_phys((void *)(map_at + PAGE_SIZE)), map_pa + PAGE_SIZE);
	EXPECT_EQ(frames_free_count(), before - 4); /* tables stay for the next mapping there: */
	unmap_pages(map_at, 2);
	EXPECT_EQ(fail_each(map_two_pages), 0);
	unmap_pages(map_at, 2);
	EXPECT_EQ(frames_free_count(), before - 4);
	frames_free(map_pa, 2);
}

static struct kstack *stack;

static int make_stack(void)
{
	stack = kstack_alloc(TASK_STACK_SIZE);
	return stack ? 0 : -ENOMEM;
}

KTEST(mm, making_a_stack_survives_failing_allocations)
{
	size_t before;

	EXPECT(fail_each(make_stack) >= 1);
	kstack_free(stack);
	before = frames_free_count();
	EXPECT_EQ(fail_each(make_stack), 1); /* the tables are there now */
	EXPECT_EQ(frames_free_count(), before - TASK_STACK_SIZE / PAGE_SIZE);
	kstack_free(stack);
	EXPECT_EQ(frames_free_count(), before);
}

KTEST(mm, what_is_allocated_once_may_fail_and_is_kept)
{
	struct room {
		u8 bytes[2 * PAGE_SIZE + 1];
	} *room = NULL, *first;
	size_t before = frames_free_count();

	alloc_fail_nth(1);
	EXPECT_EQ(FRAMES_ONCE(room), NULL);
	EXPECT_EQ(room, NULL);
	first = FRAMES_ONCE(room);
	EXPECT(first && first == room);
	EXPECT_EQ(FRAMES_ONCE(room), first);
	EXPECT_EQ(frames_free_count(), before - 3);
	if (first)
		frames_free((u64)first - DIRECT_MAP, 3);
	EXPECT_EQ(frames_free_count(), before);
}
