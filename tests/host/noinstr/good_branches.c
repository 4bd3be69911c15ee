/*
 * Begin and end at the ends of branches, where jumps lead to the notes' own addresses.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	if (knob) {
		rcu_nmi_enter();
		instrumentation_begin();
		if (visible_int(1))
			visible();
		instrumentation_end();
		rcu_nmi_exit();
	}
	if (knob == 3)
		return;
	rcu_nmi_enter();
	instrumentation_begin();
	while (visible_int(2)) {
		if (visible_int(3))
			continue;
		if (visible_int(4))
			break;
	}
	instrumentation_end();
	rcu_nmi_exit();
}
