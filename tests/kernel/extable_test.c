/* Accesses that may fault: they say so, and nothing else happens. */
#include "arch/x86/mm/extable.h"

#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"

#define NON_CANONICAL 0x0000900000000000ul
#define UNUSED	      (SLOT_AREA + 0x3000000) /* beyond all slots */

extern u8 __text_start[], __rodata_start[], __entry_text_start[];

KTEST(extable, unreadable_places)
{
	const u64 places[] = { 0,
			       8,
			       0x7000,
			       NON_CANONICAL,
			       kstacks[STACK_TASK].guard,
			       kstacks[STACK_TASK].guard + PAGE_SIZE - 1,
			       kstacks[STACK_DF].guard,
			       UNUSED,
			       ~0ul };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		u8 byte = 0x5a;

		EXPECT_EQ(kernel_read_nofault(&byte, (void *)places[i], 1), -EFAULT);
		EXPECT_EQ(byte, 0x5a);
		EXPECT_EQ(kernel_write_nofault((void *)places[i], 1), -EFAULT);
	}
}

KTEST(extable, readable_places)
{
	static u8 data[16] = "fifteen letters";
	u8 copy[16] = "";

	EXPECT_EQ(kernel_read_nofault(copy, data, sizeof(copy)), 0);
	EXPECT_EQ(memcmp(copy, data, sizeof(copy)), 0);
	EXPECT_EQ(kernel_read_nofault(copy, __text_start, sizeof(copy)), 0);
	EXPECT_EQ(memcmp(copy, __text_start, sizeof(copy)), 0);
	EXPECT_EQ(kernel_read_nofault(copy, (void *)0x9000, 0), 0);
	EXPECT_EQ(kernel_write_nofault(&data[3], 'T'), 0);
	EXPECT_EQ(data[3], 'T');
	data[3] = 't';
}

KTEST(extable, what_was_read_until_the_fault_is_there)
{
	u64 pa = frame_alloc();
	u8 got[8] = "........";

	EXPECT_EQ(map_pages(UNUSED, pa, 1, PAGE_RW), 0);
	memcpy((void *)(UNUSED + PAGE_SIZE - 3), "end", 3);
	EXPECT_EQ(kernel_read_nofault(got, (void *)(UNUSED + PAGE_SIZE - 3), 8), -EFAULT);
	EXPECT_EQ(memcmp(got, "end.....", 8), 0);
	unmap_pages(UNUSED, 1);
	frames_free(pa, 1);
}

KTEST(extable, text_cannot_be_written)
{
	u8 *const places[] = { __text_start, (u8 *)kernel_write_nofault, __entry_text_start, __rodata_start };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		u8 before = *places[i];

		EXPECT_EQ(kernel_write_nofault(places[i], (u8)~before), -EFAULT);
		EXPECT_EQ(*(volatile u8 *)places[i], before);
	}
}

KTEST(extable, only_listed_places_are_fixed_up)
{
	extern const struct ex_entry __start_ex_table[];
	struct pt_regs regs = { .ip = (u64)kernel_read_nofault };

	EXPECT(!extable_fixup(&regs));
	EXPECT_EQ(regs.ip, kernel_read_nofault);
	regs.ip = __start_ex_table[0].insn;
	EXPECT(extable_fixup(&regs));
	EXPECT_EQ(regs.ip, __start_ex_table[0].fixup);
}
