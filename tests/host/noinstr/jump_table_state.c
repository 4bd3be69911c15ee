/*
 * One of the places a table leads to has no end.
 *
 * flags: -fjump-tables
 * refuse O1: join, "paths meet"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 * refuse O2: begin, "do_nmi() may return without instrumentation_end()"
 * refuse Os: join, "paths meet"
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	switch (knob) {
	case 0:
		knob = 17;
		break;
	case 1:
		hidden();
		break;
	case 2:
		knob += 5;
		break;
	case 3:
		knob ^= 9;
		break;
	case 4:
		hidden();
		knob = 4;
		break;
	case 5:
		knob -= 3;
		break;
	case 6:
		knob |= 8;
		break;
	case 7:
		knob = 99;
		rcu_nmi_exit();
		knob = 98;
		return;
		hidden();
		break;
	}
	instrumentation_end();
	rcu_nmi_exit();
}
