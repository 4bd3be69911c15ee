/* The kernel's own mappings: nothing is both writable and executable, and mapping refuses what is taken. */
#include "arch/x86/mm/paging.h"

#include "abi/errno.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/stacks.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "tests/kernel/machine.h"

#define UNUSED (SLOT_AREA + 0x3000000) /* beyond all slots */
#define RET    0xc3

extern u8 __boot_start[], __image_end[], __text_start[], __all_text_end[];
extern u8 __rodata_start[], __rodata_end[], __data_start[], __stacks_start[];

/* A `ret` in each kind of memory that must not run. */
static u8 ret_in_data[1] __used = { RET };
static u8 ret_in_bss[1] __used;
static const u8 ret_in_rodata[1] __used = { RET };
static u8 ret_per_cpu[1] __used __section(".data..percpu") = { RET };

/* The call itself succeeds; it is its target that faults, so that is what is listed, and a return address is on the stack. */
#define RUNS(place)                                             \
	({                                                      \
		u64 _ran = 1;                                   \
		__asm__ volatile("call " #place "\n\t"          \
				 "jmp 2f\n"                     \
				 "1:\tadd $8, %%rsp\n\t"        \
				 "xor %k0, %k0\n"               \
				 "2:" EX_TABLE(place, 1b)       \
				 : "+r"(_ran)::"memory", "cc"); \
		_ran;                                           \
	})
CODE(ret_in_text, "", "", "", "");

KTEST(paging, data_does_not_run)
{
	ret_in_bss[0] = RET;
	EXPECT_EQ(RUNS(ret_in_data), 0);
	EXPECT_EQ(RUNS(ret_in_bss), 0);
	EXPECT_EQ(RUNS(ret_in_rodata), 0);
	EXPECT_EQ(RUNS(ret_per_cpu), 0);
	EXPECT_EQ(RUNS(ret_in_text), 1);
}

KTEST(paging, what_runs_is_not_writable)
{
	u8 *const places[] = { __text_start,	    (u8 *)ret_in_text, __rodata_start,
			       (u8 *)ret_in_rodata, (u8 *)SLOT_AREA,   (u8 *)SLOT_AREA + PAGE_SIZE - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		u8 before = *places[i];

		EXPECT_EQ(kernel_write_nofault(places[i], (u8)~before), -EFAULT);
		EXPECT_EQ(*(volatile u8 *)places[i], before);
	}
}

static void expect_rights(u8 *start, u8 *end, u64 rights)
{
	for (u64 va = (u64)start & ~(PAGE_SIZE - 1); va < (u64)end; va += PAGE_SIZE) {
		u64 *e = lookup_pte(va, NULL);

		EXPECT(e);
		if (e)
			EXPECT_EQ(*e & (PTE_W | PTE_NX | PTE_U), rights);
	}
}

KTEST(paging, the_image_has_its_segments_rights)
{
	expect_rights(__text_start, __all_text_end, 0);
	expect_rights(__rodata_start, __rodata_end, PTE_NX);
	expect_rights(__data_start, __stacks_start, PTE_W | PTE_NX);
}

static bool in_direct_map(u64 pa)
{
	u8 byte;

	return lookup_pte((u64)phys_to_virt(pa), NULL) ||
	       kernel_read_nofault(&byte, phys_to_virt(pa), 1) == 0;
}

KTEST(paging, executable_frames_are_absent_from_the_direct_map)
{
	for (u64 pa = (u64)__boot_start; pa < (u64)__image_end - KERNEL_BASE; pa += PAGE_SIZE)
		EXPECT(!in_direct_map(pa));
	EXPECT(virt_to_phys((void *)SLOT_AREA));
	EXPECT(!in_direct_map(virt_to_phys((void *)SLOT_AREA)));
	EXPECT(in_direct_map((u64)__image_end - KERNEL_BASE));
}

KTEST(paging, hidden_frames_come_back)
{
	u64 pa = frames_alloc(2),
	    next = pa + PAGE_SIZE; /* a frame of somebody else's may be hidden already */

	EXPECT(pa);
	EXPECT_EQ(direct_map_hide(pa), 0);
	EXPECT(!in_direct_map(pa));
	EXPECT(in_direct_map(next));
	EXPECT_EQ(direct_map_show(pa), 0);
	EXPECT(in_direct_map(pa));
	EXPECT_EQ(virt_to_phys(phys_to_virt(pa)), pa);
	frames_free(pa, 2);
}

KTEST(paging, a_taken_page_refuses_the_whole_mapping)
{
	u64 pa = frames_alloc(3), taken = UNUSED + 2 * PAGE_SIZE;

	EXPECT_EQ(map_pages(taken, pa + 2 * PAGE_SIZE, 1, PAGE_RW), 0);
	EXPECT_EQ(map_pages(UNUSED, pa, 3, PAGE_RW), -EEXIST);
	EXPECT(!lookup_pte(UNUSED, NULL));
	EXPECT(!lookup_pte(UNUSED + PAGE_SIZE, NULL));
	EXPECT_EQ(virt_to_phys((void *)(taken + 5)), pa + 2 * PAGE_SIZE + 5);
	EXPECT_EQ(map_pages((u64)__text_start & ~(PAGE_SIZE - 1), pa, 1, PAGE_RW), -EEXIST);
	unmap_pages(UNUSED, 3);
	EXPECT(!lookup_pte(taken, NULL));
	EXPECT_EQ(virt_to_phys((void *)taken), 0);
	frames_free(pa, 3);
}

static u64 no_frame(void) { return 0; }

KTEST(paging, no_memory_for_tables_is_an_answer)
{
	const u64 far = 0xffffc90000000000ul;
	u64 pa = frame_alloc();
	int err = 0;

	paging_set_allocator(no_frame, frame_free);
	/* The tables set aside for boot may have to be used up first. */
	for (u64 i = 0; i < 16 && !err; i++) {
		err = map_pages(far + (i << 39), pa, 1, PAGE_RW);
		unmap_pages(far + (i << 39), 1);
	}
	paging_set_allocator(frame_alloc, frame_free);
	EXPECT_EQ(err, -ENOMEM);
	frames_free(pa, 1);
}

static bool changed_by_write(u64 va, volatile u8 *other_name)
{
	*(volatile u8 *)va ^= 0xff;
	return *other_name == *(volatile u8 *)va;
}

KTEST(paging, an_unmapped_page_is_gone_at_once)
{
	u64 pa = frame_alloc();

	EXPECT_EQ(map_pages(UNUSED, pa, 1, PAGE_RW), 0);
	EXPECT(changed_by_write(UNUSED, phys_to_virt(pa)));
	unmap_pages(UNUSED, 1);
	EXPECT_EQ(kernel_write_nofault((void *)UNUSED, 1), -EFAULT);
	frames_free(pa, 1);
}
