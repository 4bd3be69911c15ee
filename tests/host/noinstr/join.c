/*
 * Two ways meet, and only one of them has begun.
 *
 * refuse: join, "paths meet, one between instrumentation_begin() and _end(), one not: one by lines"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 * also: begin
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	if (knob) {
		instrumentation_begin();
		visible();
		knob = 1;
	} else {
		knob = 2;
	}
	knob += 3;
	rcu_nmi_exit();
}
