/*
 * RCU is told on one of two ways to begin.
 *
 * refuse: not-entered, "do_nmi(): instrumentation_begin() before rcu_nmi_enter()"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	if (knob)
		rcu_nmi_enter();
	knob = 2;
	instrumentation_begin();
	visible(); /* here */
	instrumentation_end();
	rcu_nmi_exit();
}
