/*
 * A switch made into a table of jumps.
 *
 * flags: -fjump-tables
 * refuse: indirect, "an indirect jump, "
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> (a computed place)
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	switch (knob) { /* here */
	case 0:
		knob = 17;
		break;
	case 1:
		hidden();
		break;
	case 2:
		knob += 5;
		break;
	case 3:
		knob ^= 9;
		break;
	case 4:
		hidden();
		knob = 4;
		break;
	case 5:
		knob -= 3;
		break;
	case 6:
		knob |= 8;
		break;
	case 7:
		knob = 99;
		hidden();
		break;
	}
	knob = 1;
}
