/*
 * A table of jumps between begin and end is followed: an end behind each of them.
 *
 * flags: -fjump-tables
 * pass: O1 O2 Os
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
		hidden();
		break;
	}
	instrumentation_end();
	rcu_nmi_exit();
}
