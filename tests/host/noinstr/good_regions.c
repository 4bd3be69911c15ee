/*
 * Two regions one after the other, one inside a loop, one that never ends because it never returns.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

static __always_inline void region(int n)
{
	instrumentation_begin();
	visible_int(n);
	instrumentation_end();
}

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	region(1);
	region(2);
	for (int i = 0; i < knob; i++)
		region(i);
	if (knob == 7) {
		instrumentation_begin();
		visible_end();
	}
	rcu_nmi_exit();
}
