/*
 * Declared not to return, and does: whoever calls it isn't followed any further.
 *
 * refuse: noreturn, "ends() is declared not to return, and does"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> ends
 */
#include "tests/host/noinstr/case.h"

void __noreturn ends(void);

__attribute__((__naked__)) noinstr void ends(void) { __asm__("ret"); /* here */ }

noinstr void do_nmi(struct pt_regs *regs)
{
	if (knob)
		ends();
	knob = 1;
}
