/* Out-of-line slots: one page, executable and never writable, sixteen bytes a copy. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "kprobe/internal.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/frames.h"

#define SLOT_SIZE 16
#define NR_SLOTS  (PAGE_SIZE / SLOT_SIZE)

static_assert(INSN_MAX_LENGTH < SLOT_SIZE, "a copy and at least one int3 behind it");

static u64 used[BITMAP_WORDS(NR_SLOTS)];

/* The frame leaves the direct map before it becomes executable: it never has a writable name. */
void slot_init(void)
{
	u8 int3s[SLOT_SIZE];
	u64 pa = frame_alloc();

	if (!pa || direct_map_hide(pa) != 0 || map_pages(SLOT_AREA, pa, 1, PAGE_RX) != 0)
		panic("boot: no memory for the probe slots");
	memset(int3s, INT3_BYTE, sizeof(int3s));
	for (u64 i = 0; i < NR_SLOTS; i++)
		text_poke((void *)(SLOT_AREA + i * SLOT_SIZE), int3s, SLOT_SIZE);
}

u8 *slot_alloc(u64 addr, const struct insn *insn)
{
	size_t i = bitmap_find_clear(used, NR_SLOTS, 0, 1);
	u64 slot = SLOT_AREA + i * SLOT_SIZE;
	u8 copy[INSN_MAX_LENGTH];

	if (i == NR_SLOTS)
		return NULL;
	bitmap_set(used, i, 1);
	memcpy(copy, (const void *)addr, insn->length);
	if (insn->rip_relative) {
		/* The operand stays where it is, the instruction moves: within 2 GiB, as slots are in the top 2 GiB too. */
		s32 disp = (s32)(insn->disp + (s64)(addr - slot));

		memcpy(copy + insn->disp_offset, &disp, sizeof(disp));
	}
	text_poke((void *)slot, copy, insn->length);
	return (u8 *)slot;
}

void slot_free(u8 *slot)
{
	u8 int3s[SLOT_SIZE];

	memset(int3s, INT3_BYTE, sizeof(int3s));
	text_poke(slot, int3s, SLOT_SIZE);
	bitmap_clear(used, ((u64)slot - SLOT_AREA) / SLOT_SIZE, 1);
}

size_t kprobe_slots_free(void) { return NR_SLOTS - bitmap_count(used, NR_SLOTS); }
