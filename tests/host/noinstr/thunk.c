/*
 * An indirect call by way of a thunk.
 *
 * flags: -mindirect-branch=thunk-extern -mindirect-branch-register
 * refuse: visible-call, "a thunk that -mindirect-branch or -mfunction-return makes, outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> __x86_indirect_thunk_rax
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	pointer(); /* here */
	knob = 1;
}
