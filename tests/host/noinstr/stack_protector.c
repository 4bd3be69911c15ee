/*
 * The check of a canary: a call at the function's end.
 *
 * flags: -fstack-protector-all
 * refuse: visible-call, "do_nmi() calls visible __stack_chk_fail(), a call that -fstack-protector makes, outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> __stack_chk_fail
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	volatile char buf[64];

	buf[knob & 63] = 1;
} /* here */
