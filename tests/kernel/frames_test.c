/* Frames and small objects: everything given is distinct and zeroed, and everything comes back. */
#include "arch/x86/mm/paging.h"
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

	EXPECT_EQ(frames_alloc(frames_total() + 1), 0);
	EXPECT_EQ(frames_free_count(), before);
}

KTEST(mm, small_objects)
{
	enum { N = 300 };
	static u8 *objects[N];
	size_t before = frames_free_count();

	for (size_t i = 0; i < N; i++) {
		size_t size = 1 + i * 7 % 2048;

		objects[i] = kmalloc(size);
		EXPECT(objects[i]);
		for (size_t k = 0; k < size; k++)
			EXPECT_EQ(objects[i][k], 0);
		memset(objects[i], (int)i, size);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < 1 + i * 7 % 2048; k++)
			EXPECT_EQ(objects[i][k], (u8)i);
	for (size_t i = 0; i < N; i++)
		kfree(objects[i * 7 % N]);
	EXPECT_EQ(frames_free_count(), before);
	EXPECT(!kmalloc(2049));
	kfree(NULL);
}
