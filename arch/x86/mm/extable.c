/* Faults that are expected: looked up by the address of the instruction that faulted. */
#include "arch/x86/mm/extable.h"

#include "abi/errno.h"

extern const struct ex_entry __start_ex_table[], __stop_ex_table[];

/* A linear search: there are a handful. __kprobes: on the way of every page fault, also a probe's own. */
__kprobes bool extable_fixup(struct pt_regs *regs)
{
	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		if (e->insn == regs->ip) {
			regs->ip = e->fixup;
			return true;
		}
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

#define LOAD(insn, to)                                                   \
	__asm__ goto("1:\t" insn " (%0), %%" to "\n\t"                  \
		     "movq %%rax, (%1)\n" EX_TABLE(1b, %l[fault])        \
		     :                                                   \
		     : "r"(src), "r"(out)                                \
		     : "rax", "memory"                                   \
		     : fault)

int kernel_load_nofault(u64 *out, const void *src, size_t size)
{
	switch (size) {
	case 1:
		LOAD("movzbl", "eax");
		return 0;
	case 2:
		LOAD("movzwl", "eax");
		return 0;
	case 4:
		LOAD("movl", "eax");
		return 0;
	default:
		LOAD("movq", "rax");
		return 0;
	}
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
