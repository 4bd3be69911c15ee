/*
 * The same, three calls away from the vector.
 *
 * refuse: visible-call, "two() calls visible visible() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> one -> two -> visible
 */
#include "tests/host/noinstr/case.h"

static noinstr void two(void)
{
	visible(); /* here */
	knob = 1;
}

static noinstr void one(void)
{
	two();
	knob = 2;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	one();
	knob = 3;
}
