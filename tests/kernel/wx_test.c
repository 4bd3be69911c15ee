/* The checker of W^X finds what it is for: a writable name for text, another for it elsewhere, and a page with both rights. */
#include "arch/x86/mm/wx.h"
#include "arch/x86/mm/paging.h"
#include "lib/ktest.h"
#include "mm/frames.h"

extern const u8 __text_start[];

#define UNUSED (SLOT_AREA + 0x3400000) /* beyond all slots */

static u64 text_page(void) { return (u64)__text_start & ~(PAGE_SIZE - 1); }

static void expect_violation(u64 exec, u64 write)
{
	struct wx_result r;

	wx_check(&r);
	EXPECT_EQ(r.violations, 1);
	EXPECT_EQ(r.bad_exec, exec);
	EXPECT_EQ(r.bad_write, write);
	wx_check_root((u64)boot_pml4 - KERNEL_BASE, &r);
	EXPECT_EQ(r.violations, 1);
}

static void expect_none(void)
{
	struct wx_result r;

	wx_check(&r);
	EXPECT_EQ(r.violations, 0);
	EXPECT(r.leaves > r.executable && r.executable);
}

KTEST(wx, a_writable_name_for_text)
{
	expect_none();
	EXPECT_EQ(map_pages(UNUSED, text_page() - KERNEL_BASE, 1, PAGE_RW), 0);
	expect_violation(text_page(), UNUSED);
	unmap_pages(UNUSED, 1);
	expect_none();
}

/* Read-only is no harm, nor is data under two names. */
KTEST(wx, names_that_are_allowed)
{
	u64 pa = frame_alloc();

	EXPECT_EQ(map_pages(UNUSED, text_page() - KERNEL_BASE, 1, PAGE_RO), 0);
	EXPECT_EQ(map_pages(UNUSED + PAGE_SIZE, pa, 1, PAGE_RW), 0);
	expect_none();
	unmap_pages(UNUSED, 2);
	frames_free(pa, 1);
}

/* One mapping with both, and one that may be executed beside the direct map, where each frame can be written. */
KTEST(wx, a_page_with_both_rights)
{
	u64 pa = frame_alloc();

	EXPECT_EQ(direct_map_hide(pa), 0);
	EXPECT_EQ(map_pages(UNUSED, pa, 1, PAGE_RX | PTE_W), 0);
	expect_violation(UNUSED, UNUSED);
	unmap_pages(UNUSED, 1);
	EXPECT_EQ(direct_map_show(pa), 0);
	EXPECT_EQ(map_pages(UNUSED, pa, 1, PAGE_RX), 0);
	expect_violation(UNUSED, DIRECT_MAP + pa);
	unmap_pages(UNUSED, 1);
	expect_none();
	frames_free(pa, 1);
}
