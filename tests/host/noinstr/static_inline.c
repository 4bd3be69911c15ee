/*
 * A static inline function that the compiler doesn't inline at -Os, and puts into .text.
 *
 * pass: O1 O2
 * refuse: visible-call, "do_nmi() calls visible twice() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> twice
 */
#include "tests/host/noinstr/case.h"

static inline void twice(int n)
{
	knob = n * 3;
	knob = n + 77777;
	knob = n ^ 88888;
	knob = n - 99999;
	knob = n & 55555;
	knob = n | 66666;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	twice(knob); /* here */
	twice(knob);
	twice(knob);
}
