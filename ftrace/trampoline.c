/* Trampolines for one consumer each: copies of ftrace_caller, in a page that is executable and never writable. */
#include "arch/x86/mm/text_poke.h"
#include "ftrace/internal.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/frames.h"

#define TRAMPOLINE_SIZE (PAGE_SIZE / (FTRACE_MAX_OPS + 1))

static u64 used[BITMAP_WORDS(FTRACE_MAX_OPS)];

/* The frame leaves the direct map before it becomes executable: it never has a writable name. */
void trampoline_init(void)
{
	u64 pa = frame_alloc();

	if (!pa || direct_map_hide(pa) != 0 || map_pages(TRAMPOLINE_AREA, pa, 1, PAGE_RX) != 0)
		panic("boot: no memory for the trampolines");
	BUG_ON(ftrace_template.size > TRAMPOLINE_SIZE);
	for (size_t i = 0; i < FTRACE_MAX_OPS; i++)
		trampoline_free(TRAMPOLINE_AREA + i * TRAMPOLINE_SIZE);
}

void ftrace_trampoline_code(u8 *code, u64 at, ftrace_func_t func, const void *ops)
{
	u64 argument = (u64)ops;
	/* The call's operand counts from the end of the instruction, which is the operand's. Both are in the top 2 GiB. */
	u32 offset = (u32)((u64)func - (at + ftrace_template.call + sizeof(u32)));

	memcpy(code, ftrace_caller, ftrace_template.size);
	memcpy(code + ftrace_template.ops, &argument, sizeof(argument));
	memcpy(code + ftrace_template.call, &offset, sizeof(offset));
}

u64 trampoline_alloc(ftrace_func_t func, struct ftrace_ops *ops)
{
	size_t i = bitmap_find_clear(used, FTRACE_MAX_OPS, 0, 1);
	u64 at = TRAMPOLINE_AREA + i * TRAMPOLINE_SIZE;
	u8 code[TRAMPOLINE_SIZE];

	if (i == FTRACE_MAX_OPS)
		return 0;
	bitmap_set(used, i, 1);
	ftrace_trampoline_code(code, at, func, ops);
	text_poke((void *)at, code, ftrace_template.size);
	return at;
}

/* Filled with int3s: whoever comes back to it shall not run another's. */
void trampoline_free(u64 trampoline)
{
	u8 int3s[TRAMPOLINE_SIZE];

	if (trampoline == (u64)ftrace_early_caller)
		return; /* it is the image's */
	memset(int3s, INT3_BYTE, sizeof(int3s));
	text_poke((void *)trampoline, int3s, sizeof(int3s));
	bitmap_clear(used, (trampoline - TRAMPOLINE_AREA) / TRAMPOLINE_SIZE, 1);
}

size_t trampolines_free(void) { return FTRACE_MAX_OPS - bitmap_count(used, FTRACE_MAX_OPS); }
