/* A page unmapped on one CPU is gone on all, whatever they had in their TLBs. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"

#define SHOT_VA (SLOT_AREA + 0x3000000) /* beyond all slots */

static volatile u32 looked; /* CPUs that have the translation in their TLB */
static volatile bool shot;

/* Keeps using the page until it is gone for everybody; then it must be gone here. */
static int look(void *cpu)
{
	u8 byte;

	if (kernel_read_nofault(&byte, (void *)SHOT_VA, 1) != 0)
		return 1;
	__atomic_or_fetch(&looked, 1u << (long)cpu, __ATOMIC_SEQ_CST);
	while (!shot) {
		/* Seldom enough that what is left in the TLB when it is gone is an old one. */
		thread_yield();
		cpu_relax();
	}
	return kernel_read_nofault(&byte, (void *)SHOT_VA, 1) == 0;
}

KTEST(smp, an_unmapped_page_is_gone_on_every_cpu)
{
	u64 pa = frame_alloc();

	EXPECT(pa);
	for (unsigned i = 0; i < stressed_each(20); i++) {
		looked = 0;
		shot = false;
		EXPECT_EQ(map_pages(SHOT_VA, pa, 1, PAGE_RO), 0);
		crowd_start(look, 1);
		while (looked != cpus_up) {
			thread_yield();
			cpu_relax();
		}
		unmap_pages(SHOT_VA, 1);
		shot = true;
		EXPECT_EQ(crowd_join(), 0);
	}
	frame_free(pa);
}

#define SWAPPED_VA (SHOT_VA + PAGE_SIZE)
#define FRAMES	   4
#define SWAPS	   200

static volatile u64 oldest;    /* generation that a reader may still see: all older ones are unmapped */
static volatile u32 readers;   /* that have begun */
static u64 reads, newest_read; /* what they saw, in all */

/* clang-format would tear %l apart. */
/* clang-format off */
static bool read_word(u64 *value)
{
	u64 v;

	__asm__ goto("1:\tmov (%0), %%rax\n\t"
		     "mov %%rax, (%1)\n" EX_TABLE(1b, %l[fault])
		     : : "r"(SWAPPED_VA), "r"(&v) : "rax", "memory" : fault);
	*value = v;
	return true;
fault:
	return false;
}
/* clang-format on */

/* Never what was gone before it looked. */
static int read_generations(void *cpu)
{
	u64 n = 0, last = 0, stale = 0, v;

	__atomic_or_fetch(&readers, 1u << (long)cpu, __ATOMIC_SEQ_CST);
	while (!shot) {
		u64 floor = __atomic_load_n(&oldest, __ATOMIC_ACQUIRE);

		if (read_word(&v)) {
			stale += v < floor || v < last;
			last = v;
			n++;
		}
		if (n % 16 == 0)
			thread_yield();
		cpu_relax();
	}
	__atomic_fetch_add(&reads, n, __ATOMIC_RELAXED);
	newest_read = max(newest_read, last);
	return (int)stale;
}

/* Each generation is in the next of a few frames, so that a stale translation shows an old one for a while. */
static void swap_frames(const u64 pa[FRAMES], unsigned generations)
{
	for (u64 g = 1; g <= generations; g++) {
		*(volatile u64 *)phys_to_virt(pa[g % FRAMES]) = g;
		unmap_pages(SWAPPED_VA, 1);
		__atomic_store_n(&oldest, g, __ATOMIC_RELEASE);
		EXPECT_EQ(map_pages(SWAPPED_VA, pa[g % FRAMES], 1, PAGE_RO), 0);
		thread_yield();
	}
}

KTEST(smp, a_page_mapped_anew_shows_nothing_old)
{
	u64 pa[FRAMES];

	for (int i = 0; i < FRAMES; i++) {
		pa[i] = frame_alloc();
		EXPECT(pa[i]);
	}
	readers = 0;
	oldest = reads = newest_read = 0;
	shot = false;
	EXPECT_EQ(map_pages(SWAPPED_VA, pa[0], 1, PAGE_RO), 0);
	crowd_start(read_generations, 1);
	while (readers != cpus_up)
		thread_yield();
	swap_frames(pa, stressed_each(SWAPS));
	shot = true;
	EXPECT_EQ(crowd_join(), 0);
	EXPECT(reads && newest_read);
	unmap_pages(SWAPPED_VA, 1);
	for (int i = 0; i < FRAMES; i++)
		frame_free(pa[i]);
}
