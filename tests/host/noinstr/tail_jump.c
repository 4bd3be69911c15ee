/*
 * A call in tail position, made into a jump.
 *
 * flags: -foptimize-sibling-calls
 * refuse: visible-call, "do_nmi() jumps to visible visible() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> visible
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	knob = 1;
	visible(); /* here */
}
