/*
 * A region inside a region, by an inlined helper.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

static __always_inline void region(void)
{
	instrumentation_begin();
	visible();
	instrumentation_end();
}

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	visible();
	region();
	visible();
	instrumentation_end();
	rcu_nmi_exit();
}
