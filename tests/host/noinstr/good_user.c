/*
 * In from user mode and out again, with a region in between: here by a vector, so that nothing was entered before.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

void rcu_user_enter(void);
void rcu_user_exit(void);

noinstr void rcu_user_enter(void) { barrier(); }
noinstr void rcu_user_exit(void) { barrier(); }

noinstr void do_nmi(struct pt_regs *regs)
{
	hidden();
	rcu_user_exit();
	instrumentation_begin();
	visible();
	pointer();
	instrumentation_end();
	rcu_user_enter();
	hidden();
}
