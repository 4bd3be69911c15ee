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

/* The list by hash: each where only one comparison is needed. */
#define EX_BITS	 9
#define EX_SLOTS (1u << EX_BITS)
extern struct ex_hash {
	u64 insn[EX_SLOTS], fixup[EX_SLOTS];
	u32 factor;
} ex_hash;
static __always_inline u32 ex_slot(u64 ip) { return (u32)ip * ex_hash.factor >> (32 - EX_BITS); }

/* Any context. If @regs->ip is listed, moves it to the fixup and says true. */
static __always_inline bool extable_lookup(struct pt_regs *regs)
{
	u32 i = ex_slot(regs->ip);

	if (unlikely(ex_hash.insn[i] != regs->ip))
		return false;
	regs->ip = ex_hash.fixup[i];
	return true;
}
/* The same, called. */
bool extable_fixup(struct pt_regs *regs);

/* Any context. 0, or -EFAULT when a byte can't be read; what was read until then is in @dst. */
int kernel_read_nofault(void *dst, const void *src, size_t len);
/* The same by one load of 1, 2, 4 or 8 bytes, as a number. -EFAULT: @out is as it was. */
int kernel_load_nofault(u64 *out, const void *src, size_t size);
/* Any context. 0, or -EFAULT when the byte can't be written. */
int kernel_write_nofault(void *dst, u8 byte);
