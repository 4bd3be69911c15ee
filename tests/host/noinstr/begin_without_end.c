/*
 * One way out of the function has no end.
 *
 * refuse O1: join, "paths meet"
 * refuse O2: begin, "do_nmi() may return without instrumentation_end()"
 * refuse Os: join, "paths meet"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	if (visible_int(1)) {
		knob = 4;
		return;
	}
	instrumentation_end();
	rcu_nmi_exit();
}
