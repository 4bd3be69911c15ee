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

/* Where no instruction is: not canonical. */
#define EX_NOWHERE (1ul << 63)
/* The list by hash; what doesn't find its place free is in the next. */
extern struct ex_hash {
	u64 insn[512 + 8], fixup[512 + 8];
} ex_hash;
static __always_inline unsigned ex_slot(u64 ip) { return (u32)ip * 0x9e3779b1u >> 23; }

/* Any context. If @regs->ip is listed, moves it to the fixup and says true. */
bool extable_fixup(struct pt_regs *regs);
/* The same, with the usual case inlined. */
static __always_inline bool extable_lookup(struct pt_regs *regs)
{
	u64 i = ex_slot(regs->ip);

	if (unlikely(ex_hash.insn[i] != regs->ip))
		return extable_fixup(regs);
	regs->ip = ex_hash.fixup[i];
	return true;
}

/* Any context. 0, or -EFAULT when a byte can't be read; what was read until then is in @dst. */
int kernel_read_nofault(void *dst, const void *src, size_t len);
/* Any context. 0, or -EFAULT when the byte can't be written. */
int kernel_write_nofault(void *dst, u8 byte);
