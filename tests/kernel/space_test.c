/* Address spaces and memory objects: against a model, page by page, and that each way to fail changes nothing. */
#include "mm/space.h"

#include "abi/errno.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/mm/wx.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"

#define BASE  0x7000000000ul
#define READ  0ul /* page faults' error codes */
#define WRITE 2ul
#define FETCH 16ul

static u64 entry(struct space *s, u64 va)
{
	u64 *e = user_pte(s->pml4, va, false);

	return e ? *e : 0;
}

KTEST(space, a_page_is_there_when_it_is_touched)
{
	size_t frames = frames_free_count();
	struct memory *m = memory_create(4);
	struct space *s = space_create();
	u64 word = 0x1234;

	EXPECT_EQ(space_fault(s, BASE, READ), -EFAULT);
	EXPECT_EQ(space_map(s, BASE, 2, m, 1, MAP_READ | MAP_WRITE), 0);
	EXPECT_EQ(entry(s, BASE), 0);
	EXPECT_EQ(memory_frame(m, 1, false), 0);
	EXPECT_EQ(space_fault(s, BASE + 5, WRITE), 0);
	EXPECT_EQ(entry(s, BASE), memory_frame(m, 1, false) | PTE_P | PTE_U | PTE_W | PTE_NX);
	EXPECT_EQ(memory_frame(m, 0, false), 0);
	EXPECT_EQ(memory_write(m, PAGE_SIZE + 8, &word, 8), 0);
	EXPECT_EQ(((u64 *)phys_to_virt(memory_frame(m, 1, false)))[1], word);
	EXPECT_EQ(space_fault(s, BASE, FETCH), -EACCES);
	EXPECT_EQ(space_fault(s, BASE - 1, READ), -EFAULT);
	EXPECT_EQ(space_fault(s, BASE + 2 * PAGE_SIZE, READ), -EFAULT);
	EXPECT_EQ(space_unmap(s, BASE, 2), 0);
	EXPECT_EQ(entry(s, BASE), 0);
	EXPECT_EQ(space_fault(s, BASE, READ), -EFAULT);
	EXPECT_EQ(m->refs, 1);
	EXPECT_EQ(m->writers, 0);
	word = 0;
	EXPECT_EQ(memory_read(m, PAGE_SIZE + 8, &word, 8), 0);
	EXPECT_EQ(word, 0x1234); /* it is the object's, and stays */
	space_put(s);
	memory_put(m);
	EXPECT_EQ(frames_free_count(), frames);
}

KTEST(space, refusals)
{
	static const struct {
		u64 va, pages, first;
		u32 rights;
		int err;
	} bad[] = {
		{ BASE + 1, 1, 0, MAP_READ, -EINVAL },
		{ 0, 1, 0, MAP_READ, -EINVAL },
		{ BASE, 0, 0, MAP_READ, -EINVAL },
		{ USER_END, 1, 0, MAP_READ, -EINVAL },
		{ USER_END - PAGE_SIZE, 2, 0, MAP_READ, -EINVAL },
		{ 0xffff800000000000, 1, 0, MAP_READ, -EINVAL },
		{ BASE, ~0ul >> 12, 0, MAP_READ, -EINVAL },
		{ BASE, ~0ul, 0, MAP_READ, -EINVAL },
		{ BASE, 1, 0, 0, -EINVAL },
		{ BASE, 1, 0, 8, -EINVAL },
		{ BASE, 1, 0, MAP_READ | MAP_WRITE | MAP_EXECUTE, -EINVAL },
		{ BASE, 1, 0, MAP_EXECUTE | MAP_WRITE, -EINVAL },
		{ BASE, 5, 0, MAP_READ, -EFAULT },
		{ BASE, 1, 4, MAP_READ, -EFAULT },
		{ BASE, 1, ~0ul, MAP_READ, -EFAULT },
		{ BASE, 1, 0, MAP_READ | MAP_EXECUTE, -EACCES },
		{ BASE + 0x10000, 1, 0, MAP_READ, -EEXIST },
		{ BASE + 0xe000, 4, 0, MAP_READ, -EEXIST },
		{ BASE + 0x11000, 4, 0, MAP_WRITE, -EEXIST },
	};
	struct memory *m = memory_create(4);
	struct space *s = space_create();

	EXPECT(!memory_create(0));
	EXPECT(!memory_create(MEMORY_MAX_PAGES + 1));
	EXPECT_EQ(space_map(s, BASE + 0x10000, 2, m, 0, MAP_READ), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(space_map(s, bad[i].va, bad[i].pages, m, bad[i].first, bad[i].rights), bad[i].err);
	EXPECT_EQ(m->refs, 2);
	EXPECT_EQ(m->writers, 0);
	EXPECT_EQ(space_protect(s, BASE + 0x10000, 2, MAP_READ | MAP_WRITE), -EACCES);
	EXPECT_EQ(space_protect(s, BASE + 0x10000, 3, MAP_READ), -EFAULT);
	EXPECT_EQ(space_protect(s, BASE + 0xf000, 2, MAP_READ), -EFAULT);
	EXPECT_EQ(space_protect(s, BASE + 0x10000, 1, MAP_WRITE | MAP_EXECUTE), -EINVAL);
	EXPECT_EQ(space_unmap(s, BASE + 1, 1), -EINVAL);
	EXPECT_EQ(space_unmap(s, BASE, 1), 0); /* nothing, and so it is */
	EXPECT_EQ(memory_read(m, 0, &s, ~0ul), -EFAULT);
	EXPECT_EQ(memory_read(m, 4 * PAGE_SIZE, &s, 1), -EFAULT);
	EXPECT_EQ(memory_write(m, ~0ul, &s, 2), -EFAULT);
	space_put(s);
	memory_put(m);
}

KTEST(space, what_is_executable_is_written_by_nobody)
{
	struct memory *m = memory_create(2);
	struct space *s = space_create();
	struct wx_result wx;
	u64 word = 1, *alias;

	EXPECT_EQ(space_map(s, BASE, 2, m, 0, MAP_WRITE), 0);
	EXPECT_EQ(space_fault(s, BASE, WRITE), 0);
	EXPECT_EQ(memory_seal(m), -EBUSY);
	EXPECT_EQ(space_protect(s, BASE, 2, MAP_READ), -EACCES); /* the right to read is one, too */
	EXPECT_EQ(space_protect(s, BASE, 1, 0), 0);
	EXPECT_EQ(memory_seal(m), -EBUSY); /* the other half */
	EXPECT_EQ(space_unmap(s, BASE, 2), 0);
	EXPECT_EQ(memory_seal(m), 0);
	EXPECT_EQ(memory_seal(m), 0);
	EXPECT_EQ(space_map(s, BASE, 2, m, 0, MAP_READ | MAP_WRITE), -EACCES);
	EXPECT_EQ(memory_write(m, 0, &word, 8), -EACCES);
	EXPECT_EQ(memory_read(m, 0, &word, 8), 0);
	EXPECT_EQ(word, 0);
	EXPECT_EQ(space_map(s, BASE, 2, m, 0, MAP_READ | MAP_EXECUTE), 0);
	EXPECT_EQ(space_fault(s, BASE, FETCH), 0);
	EXPECT_EQ(space_fault(s, BASE + PAGE_SIZE, READ), 0);
	EXPECT_EQ(entry(s, BASE), memory_frame(m, 0, false) | PTE_P | PTE_U);
	wx_check_root(s->pml4, &wx);
	EXPECT_EQ(wx.violations, 0);
	alias = lookup_pte((u64)phys_to_virt(memory_frame(m, 0, false)), NULL);
	EXPECT_EQ(*alias & (PTE_P | PTE_W), PTE_P);
	space_put(s);
	memory_put(m);
	EXPECT_EQ(*alias & (PTE_P | PTE_W), PTE_P | PTE_W);
}

/* The same in words: for each page, whose it is and what may be done there. */
#define PAGES 24
static struct {
	size_t page;
	unsigned object; /* 0: none */
	u32 rights;
} model[PAGES];

static u64 seed;
static u64 below(u64 n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 33) % n;
}

static int model_change(size_t at, size_t n, u32 rights, bool unmap)
{
	for (size_t i = at; i < at + n && !unmap; i++) {
		if (!model[i].object)
			return -EFAULT;
		if (rights & ~model[i].rights)
			return -EACCES;
	}
	for (size_t i = at; i < at + n; i++) {
		model[i].object = unmap ? 0 : model[i].object;
		model[i].rights = rights;
	}
	return 0;
}

static bool model_free(size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		if (model[i].object)
			return false;
	return true;
}

static void compare(struct space *s, struct memory *const objects[3])
{
	for (size_t i = 0; i < PAGES; i++) {
		u64 va = BASE + i * PAGE_SIZE, error = below(2) ? READ : WRITE, e = entry(s, va);
		int want = !model[i].object				      ? -EFAULT
			   : !model[i].rights				      ? -EACCES
			   : error == WRITE && !(model[i].rights & MAP_WRITE) ? -EACCES
									      : 0;

		EXPECT(!(e & PTE_P) ||
		       (e & PTE_ADDR) == memory_frame(objects[model[i].object], model[i].page, false));
		EXPECT(!(e & PTE_W) || model[i].rights & MAP_WRITE);
		if (below(3))
			continue;
		EXPECT_EQ(space_fault(s, va, error), want);
	}
}

static void random_step(struct space *s, struct memory *const objects[3])
{
	size_t at = below(PAGES), n = 1 + below(min(PAGES - at, 8ul)), object = 1 + below(2),
	       first = below(8);
	u32 rights = (u32)below(4);
	u64 va = BASE + at * PAGE_SIZE;
	int err = 0;

	switch (below(3)) {
	case 0:
		if (!rights)
			err = -EINVAL;
		else if (n > 12 - first)
			err = -EFAULT;
		else if (!model_free(at, n))
			err = -EEXIST;
		EXPECT_EQ(space_map(s, va, n, objects[object], first, rights), err);
		for (size_t i = 0; i < n && !err; i++) {
			model[at + i].object = (unsigned)object;
			model[at + i].page = first + i;
			model[at + i].rights = rights;
		}
		break;
	case 1:
		EXPECT_EQ(space_unmap(s, va, n), model_change(at, n, 0, true));
		break;
	default:
		EXPECT_EQ(space_protect(s, va, n, rights), model_change(at, n, rights, false));
	}
}

KTEST(space, against_a_model)
{
	size_t frames = frames_free_count();
	struct memory *objects[3] = { NULL, memory_create(12), memory_create(12) };
	struct space *s = space_create();

	memset(model, 0, sizeof(model));
	seed = 1;
	for (u64 i = 0; i < stressed(400); i++) {
		random_step(s, objects);
		compare(s, objects);
	}
	space_put(s);
	EXPECT_EQ(objects[1]->refs, 1);
	EXPECT_EQ(objects[1]->writers, 0);
	EXPECT_EQ(objects[2]->writers, 0);
	memory_put(objects[1]);
	memory_put(objects[2]);
	EXPECT_EQ(frames_free_count(), frames);
}

KTEST(space, there_is_an_end_of_regions)
{
	struct memory *m = memory_create(3);
	struct space *s = space_create();

	for (u64 i = 0; i < SPACE_REGIONS_MAX - 1; i++)
		EXPECT_EQ(space_map(s, BASE + i * 8 * PAGE_SIZE, 3, m, 0, MAP_READ), 0);
	EXPECT_EQ(space_unmap(s, BASE + 2 * PAGE_SIZE, 1), 0);
	EXPECT_EQ(space_map(s, BASE + 2 * PAGE_SIZE, 1, m, 0, MAP_READ), 0); /* the last one */
	EXPECT_EQ(space_map(s, BASE - PAGE_SIZE, 1, m, 0, MAP_READ), -ENOSPC);
	EXPECT_EQ(space_unmap(s, BASE + 9 * PAGE_SIZE, 1), -ENOSPC);
	EXPECT_EQ(space_protect(s, BASE + 9 * PAGE_SIZE, 1, 0), -ENOSPC);
	EXPECT_EQ(space_fault(s, BASE + 9 * PAGE_SIZE, READ), 0);
	EXPECT_EQ(space_unmap(s, BASE, 8 * SPACE_REGIONS_MAX), 0);
	EXPECT_EQ(s->nr_regions, 0);
	space_put(s);
	memory_put(m);
}

static int all_of_it(void)
{
	struct memory *m = memory_create(600);
	struct space *s = space_create();
	int err = !m || !s ? -ENOMEM : 0;

	err = err ?: space_map(s, BASE, 600, m, 0, MAP_WRITE);
	err = err ?: space_fault(s, BASE + 599 * PAGE_SIZE, WRITE);
	err = err ?: space_protect(s, BASE + PAGE_SIZE, 1, 0);
	err = err ?: space_unmap(s, BASE, 600);
	if (!err) {
		struct memory *small = memory_create(2);

		err = small ? memory_seal(small) : -ENOMEM;
		if (small)
			memory_put(small);
	}
	if (s)
		space_put(s);
	if (m)
		memory_put(m);
	return err;
}

/* Without memory for the n-th thing that any of it needs: it fails with -ENOMEM, and all is given back. */
KTEST(space, nothing_is_lost_when_memory_is)
{
	size_t frames;
	u64 n = 0;
	int err;

	EXPECT_EQ(all_of_it(), 0); /* what stays of the first time: small pages of the direct map */
	frames = frames_free_count();
	do {
		alloc_fail_nth(++n);
		err = all_of_it();
		alloc_fail_nth(0);
		EXPECT(err == 0 || err == -ENOMEM);
		EXPECT_EQ(frames_free_count(), frames);
	} while (err);
	EXPECT(n > 12);
}

static u32 traps_of(u32 cpu)
{
	return (u32)(READ_ONCE(*per_cpu_ptr(bb_head, cpu)) / sizeof(struct bb_record));
}

/* Other CPUs are told of all the frames at once, by one interrupt; and when they are free again. */
KTEST(space, sealing_interrupts_others_once)
{
	const size_t pages = 400;
	struct memory *m = memory_create(pages);
	u32 other, before;

	EXPECT_EQ(thread_set_affinity(1u << this_cpu(cpu_number)), 0);
	other = crowd_next_cpu(this_cpu(cpu_number));
	EXPECT(memory_frame(m, pages - 1, true));
	before = traps_of(other);
	EXPECT_EQ(memory_seal(m), 0);
	memory_put(m);
	if (crowd_cpus() > 1)
		EXPECT((traps_of(other) - before) / 2 < pages);
	thread_set_affinity(CPU_MASK_ALL);
}
