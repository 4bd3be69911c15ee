/* Faults that are expected: looked up by the address of the instruction that faulted. */
#include "arch/x86/mm/extable.h"

#include "abi/errno.h"
#include "lib/bug.h"

extern const struct ex_entry __start_ex_table[], __stop_ex_table[];

struct ex_hash ex_hash = { .insn = { [0 ... ARRAY_SIZE(ex_hash.insn) - 1] = EX_NOWHERE } };

void extable_init(void)
{
	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		unsigned at = ex_slot(e->insn);

		while (ex_hash.insn[at] != EX_NOWHERE)
			at++;
		BUG_ON(at == ARRAY_SIZE(ex_hash.insn) - 1); /* the last one ends every search */
		ex_hash.insn[at] = e->insn;
		ex_hash.fixup[at] = e->fixup;
	}
}

/* __kprobes: int3's and #DB's way. */
__kprobes bool extable_fixup(struct pt_regs *regs)
{
	for (u64 i = ex_slot(regs->ip); ex_hash.insn[i] != EX_NOWHERE; i++)
		if (ex_hash.insn[i] == regs->ip) {
			regs->ip = ex_hash.fixup[i];
			return true;
		}
	return false;
}

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
