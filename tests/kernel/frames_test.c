/* Frames and small objects: everything given is distinct, zeroed where promised, and comes back. */
#include "arch/x86/mm/paging.h"
#include "lib/debug.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"

KTEST(mm, frames_come_back)
{
	size_t before = frames_free_count();
	u64 one = frame_alloc(), run = frames_alloc(16);

	EXPECT(one && run);
	EXPECT(one < run || one >= run + 16 * PAGE_SIZE);
	EXPECT_EQ(frames_free_count(), before - 17);
	frames_free(run, 16);
	frames_free(one, 1);
	EXPECT_EQ(frames_free_count(), before);
}

/* Exactly as many as asked for are gone, whatever blocks they came from, and parts can go back alone. */
KTEST(mm, any_number_of_frames)
{
	size_t before = frames_free_count();

	for (size_t n = 1; n <= 40; n++) {
		u64 pa = frames_alloc(n);

		EXPECT(pa && pa % PAGE_SIZE == 0);
		EXPECT_EQ(frames_free_count(), before - n);
		frames_free(pa, n / 2);
		frames_free(pa + n / 2 * PAGE_SIZE, n - n / 2);
		EXPECT_EQ(frames_free_count(), before);
	}
}

KTEST(mm, a_frame_is_zeroed_each_time)
{
	u64 pa = frame_alloc();
	u64 *p = phys_to_virt(pa);

	memset(p, 0xa5, PAGE_SIZE);
	frames_free(pa, 1);
	EXPECT_EQ(frame_alloc(), pa);
	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		EXPECT_EQ(p[i], 0);
	frames_free(pa, 1);
}

KTEST(mm, too_many_frames_is_an_answer)
{
	size_t before = frames_free_count();

	EXPECT_EQ(frames_alloc(0), 0);
	EXPECT_EQ(frames_alloc(FRAMES_MAX + 1), 0);
	EXPECT_EQ(frames_alloc(frames_total() + 1), 0);
	EXPECT_EQ(frames_free_count(), before);
}

/* Takes all there is in the largest pieces left, linked through their first words, and gives it back. */
KTEST(mm, all_memory_can_be_taken_and_comes_back)
{
	size_t before = frames_free_count(), taken = 0;
	u64 chain = 0, pa;

	for (size_t n = FRAMES_MAX; n; n /= 2) {
		while ((pa = frames_alloc(n))) {
			u64 *piece = phys_to_virt(pa);

			piece[0] = chain;
			piece[1] = n;
			chain = pa;
			taken += n;
		}
	}
	EXPECT_EQ(taken, before);
	EXPECT_EQ(frames_free_count(), 0);
	EXPECT(!kmalloc(2048));
	while (chain) {
		u64 *piece = phys_to_virt(chain);

		pa = chain;
		chain = piece[0];
		frames_free(pa, piece[1]);
	}
	EXPECT_EQ(frames_free_count(), before);
}

enum { N = 300 };
static u8 *objects[N];

static size_t size_of_object(size_t i) { return 1 + i * 7 % 2048; }

static size_t bytes_unlike(const u8 *at, size_t n, u8 byte)
{
	size_t unlike = 0;

	for (size_t i = 0; i < n; i++)
		unlike += at[i] != byte;
	return unlike;
}

static void many_objects(void *(*alloc)(size_t size), int fill)
{
	size_t before = frames_free_count();

	for (size_t i = 0; i < N; i++) {
		objects[i] = alloc(size_of_object(i));
		EXPECT(objects[i]);
		EXPECT_EQ((u64)objects[i] % 32, 0);
		if (fill >= 0)
			EXPECT_EQ(bytes_unlike(objects[i], size_of_object(i), (u8)fill), 0);
		memset(objects[i], (int)i, size_of_object(i));
	}
	for (size_t i = 0; i < N; i++)
		EXPECT_EQ(bytes_unlike(objects[i], size_of_object(i), (u8)i), 0);
	for (size_t i = 0; i < N; i++)
		kfree(objects[i * 7 % N]);
	EXPECT_EQ(frames_free_count(), before);
	EXPECT(!alloc(2049));
	kfree(NULL);
}

KTEST(mm, small_objects)
{
	bool debug = static_key_enabled(&debug_key);

	static_key_set(&debug_key, false);
	many_objects(kmalloc, -1);
	many_objects(kzalloc, 0);
	static_key_set(&debug_key, true);
	many_objects(kmalloc, 0x6a);
	many_objects(kzalloc, 0);
	static_key_set(&debug_key, debug);
}
