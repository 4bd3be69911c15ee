/*
 * Where -pg makes calls instead of nops.
 *
 * flags: -mno-nop-mcount
 * refuse: visible-call, "traced() calls visible __fentry__(), a call that -pg makes, outside"
 * also: fentry
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> traced -> __fentry__
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
