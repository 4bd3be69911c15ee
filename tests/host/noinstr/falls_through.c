/*
 * A function without a last instruction.
 *
 * refuse: falls-through, "do_nmi() falls through its end"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	knob = 1;
	hidden(); /* here */
	__builtin_unreachable();
}
