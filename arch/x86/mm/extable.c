/* Faults that are expected: looked up by the address of the instruction that faulted. */
#include "arch/x86/mm/extable.h"

#include "abi/errno.h"

extern const struct ex_entry __start_ex_table[], __stop_ex_table[];

/* Where no instruction is: not canonical. */
#define NOWHERE (1ul << 63)

struct ex_hash ex_hash = { .insn = { [0 ... EX_SLOTS - 1] = NOWHERE }, .factor = 0x9e3779b1 };

/* False: two want the same place. */
static bool fill(void)
{
	for (u32 i = 0; i < EX_SLOTS; i++)
		ex_hash.insn[i] = NOWHERE;
	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		u32 at = ex_slot(e->insn);

		if (ex_hash.insn[at] != NOWHERE)
			return false;
		ex_hash.insn[at] = e->insn;
		ex_hash.fixup[at] = e->fixup;
	}
	return true;
}

void extable_init(void)
{
	/* With n entries about e^(n * n / 2 / EX_SLOTS) factors have to be tried: 3 for 30. */
	while (!fill())
		ex_hash.factor += 2;
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
