/*
 * An end that nothing began.
 *
 * refuse: end, "do_nmi(): instrumentation_end() without a begin"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_end();
	knob = 1; /* here */
	rcu_nmi_exit();
}
