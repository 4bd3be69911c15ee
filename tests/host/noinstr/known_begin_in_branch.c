/*
 * Not seen (docs/TRICKS.md, "Notes without an instruction"): a begin at the very end of a branch might as well stand
 * behind it, and there it would be right.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	if (likely(knob)) {
		hidden();
		instrumentation_begin();
	}
	visible();
	instrumentation_end();
	rcu_nmi_exit();
}
