/*
 * The section without notrace: a tracing site in hidden text.
 *
 * refuse: fentry, "traced(): a tracing site (__mcount_loc) in .noinstr.text"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> traced
 */
#include "tests/host/noinstr/case.h"

static noinline __section(".noinstr.text") void traced(void)
{ /* here */
	knob = 1;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	traced();
	knob = 2;
}
