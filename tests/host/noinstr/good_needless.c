/*
 * Hidden though it is called only where anything may be called: that is a warning.
 *
 * pass: O1 O2 Os
 * warn: only() is hidden without need (vector 2 (NMI): asm_exc_nmi -> do_nmi -> only)
 */
#include "tests/host/noinstr/case.h"

void only(void);

noinstr void only(void) { knob = 9; }

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	knob = 1;
	instrumentation_begin();
	only();
	instrumentation_end();
	rcu_nmi_exit();
}
