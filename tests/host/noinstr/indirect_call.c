/*
 * A call through a pointer: who knows where to?
 *
 * refuse: indirect, "an indirect call"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> (a pointer)
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	pointer(); /* here */
	knob = 1;
}
