/*
 * As a handler should be.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	hidden();
	rcu_nmi_enter();
	instrumentation_begin();
	visible();
	pointer();
	instrumentation_end();
	rcu_nmi_exit();
}
