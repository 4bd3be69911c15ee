/*
 * Another file's function of this name doesn't return; this one does, and what follows counts.
 *
 * refuse: visible-call, "do_nmi() calls visible visible()"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> visible
 */
#include "tests/host/noinstr/case.h"

noinstr static void ends(void) { barrier(); }

noinstr void do_nmi(struct pt_regs *regs)
{
	ends();
	if (knob)
		visible(); /* here */
}
