/* Faults that are expected: looked up by the address of the instruction that faulted. */
#include "arch/x86/mm/extable.h"

#include "abi/errno.h"
#include "lib/bug.h"

extern const struct ex_entry __start_ex_table[], __stop_ex_table[];

struct ex_entry ex_table[EX_SLOTS + 8] = { [0 ... EX_SLOTS + 7] = { .insn = EX_NOWHERE } };

void extable_init(void)
{
	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		struct ex_entry *at = &ex_table[ex_slot(e->insn)];

		while (at->insn != EX_NOWHERE)
			at++;
		BUG_ON(at == &ex_table[EX_SLOTS + 7]); /* the last one ends every search */
		*at = *e;
	}
}

bool extable_fixup(struct pt_regs *regs) { return extable_lookup(regs); }

/* clang-format would tear %l apart. */
/* clang-format off */

int kernel_read_nofault(void *dst, const void *src, size_t len)
{
	u8 *to = dst;
	const u8 *from = src;

	for (size_t i = 0; i < len; i++) {
		/* Through al, not an output: asm goto has none on every compiler we take. */
		__asm__ goto("1:\tmovb (%0), %%al\n\t"
			     "movb %%al, (%1)\n" EX_TABLE(1b, %l[fault])
			     :
			     : "r"(&from[i]), "r"(&to[i])
			     : "al", "memory"
			     : fault);
	}
	return 0;
fault:
	return -EFAULT;
}

int kernel_write_nofault(void *dst, u8 byte)
{
	__asm__ goto("1:\tmovb %1, (%0)\n" EX_TABLE(1b, %l[fault])
		     :
		     : "r"(dst), "q"(byte)
		     : "memory"
		     : fault);
	return 0;
fault:
	return -EFAULT;
}
/* clang-format on */
