/*
 * A key's note that names what is no instruction: the jump will be written into the middle of one.
 *
 * refuse: fixup, "do_nmi(): __ex_table or .static_sites names what is no instruction of it"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	__asm__ volatile("1:\tmovl $1, %0\n2:\t.pushsection .static_sites, \"a\", @progbits\n\t"
			 ".balign 8\n\t.quad 1b + 1, 2b, 0\n\t.popsection"
			 : "=m"(knob));
}
