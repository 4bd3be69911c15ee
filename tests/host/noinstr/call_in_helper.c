/*
 * The same, in an inline function: its line is the one shown.
 *
 * refuse: visible-call, "do_nmi() calls visible visible() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> visible
 */
#include "tests/host/noinstr/case.h"

static __always_inline void helper(void) { visible(); /* here */ }

noinstr void do_nmi(struct pt_regs *regs)
{
	helper();
	knob = 1;
}
