/*
 * The jump of a tail call leaves begin and end for good.
 *
 * flags: -foptimize-sibling-calls
 * refuse: begin, "do_nmi() may return without instrumentation_end()"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	visible(); /* here */
}
