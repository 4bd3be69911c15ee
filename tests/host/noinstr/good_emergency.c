/*
 * The emergency takes out the probes first; then all is open to it.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

__emergency unsigned bust_disarm_all(void);
__emergency unsigned bust_disarm_all(void) { return (unsigned)knob; }

__emergency void do_double_fault(struct pt_regs *regs)
{
	bust_disarm_all();
	hidden();
	rcu_nmi_enter();
	instrumentation_begin();
	visible();
	instrumentation_end();
	rcu_nmi_exit();
}
