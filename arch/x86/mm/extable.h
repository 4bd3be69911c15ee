/* Kernel accesses that may fault: each such instruction is listed with the place to go on at. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/compiler.h"

struct ex_entry {
	u64 insn, fixup;
};

/* In an asm statement: a fault at label @insn continues at label @fixup. */
#define EX_TABLE(insn, fixup)                                                                \
	".pushsection __ex_table, \"a\", @progbits\n\t.balign 8\n\t.quad " #insn ", " #fixup \
	"\n\t.popsection\n"

/* Boot, once, before anything may be expected to fault. */
void extable_init(void);

#define EX_SLOTS 128
/* Where no instruction is: not canonical. */
#define EX_NOWHERE (1ul << 63)
/* The list by hash; what doesn't find its place free is in the next. */
extern struct ex_entry ex_table[EX_SLOTS + 8];
static __always_inline unsigned ex_slot(u64 ip) { return (u32)ip * 0x9e3779b1u >> 25; }

/* Any context. If @regs->ip is listed, moves it to the fixup and says true. */
static __always_inline bool extable_lookup(struct pt_regs *regs)
{
	const struct ex_entry *e = &ex_table[ex_slot(regs->ip)];

	while (unlikely(e->insn != regs->ip)) {
		if (e->insn == EX_NOWHERE)
			return false;
		e++;
	}
	regs->ip = e->fixup;
	return true;
}
/* The same, called. */
bool extable_fixup(struct pt_regs *regs);

/* Any context. 0, or -EFAULT when a byte can't be read; what was read until then is in @dst. */
int kernel_read_nofault(void *dst, const void *src, size_t len);
/* Any context. 0, or -EFAULT when the byte can't be written. */
int kernel_write_nofault(void *dst, u8 byte);
