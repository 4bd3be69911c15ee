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

/* __kprobes, both: single instructions of theirs are in the table by address, so they may not be displaced. */
__kprobes int kernel_read_nofault(void *dst, const void *src, size_t len)
{
	u8 *to = dst;
	const u8 *from = src;

	for (size_t i = 0; i < len; i++) {
		u8 byte;
		int err = 0;

		__asm__ volatile("1:\tmovb %2, %1\n"
				 "2:\n"
				 ".pushsection .kprobes.text, \"ax\"\n"
				 "3:\tmovl %3, %0\n\t"
				 "jmp 2b\n"
				 ".popsection\n" EX_TABLE(1b, 3b)
				 : "+r"(err), "=&q"(byte)
				 : "m"(from[i]), "i"(-EFAULT));
		if (err)
			return err;
		to[i] = byte;
	}
	return 0;
}

__kprobes int kernel_write_nofault(void *dst, u8 byte)
{
	int err = 0;

	__asm__ volatile("1:\tmovb %2, %1\n"
			 "2:\n"
			 ".pushsection .kprobes.text, \"ax\"\n"
			 "3:\tmovl %3, %0\n\t"
			 "jmp 2b\n"
			 ".popsection\n" EX_TABLE(1b, 3b)
			 : "+r"(err), "=m"(*(u8 *)dst)
			 : "q"(byte), "i"(-EFAULT)
			 : "memory");
	return err;
}
