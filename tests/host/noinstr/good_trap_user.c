/*
 * An int3 from user mode: what is done for the user may be seen.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

void rcu_user_enter(void);
void rcu_user_exit(void);

noinstr void rcu_user_enter(void) { barrier(); }
noinstr void rcu_user_exit(void) { barrier(); }

/* tables.c lists it. */
noinstr void do_user_trap(struct pt_regs *regs);
noinstr void do_user_trap(struct pt_regs *regs)
{
	rcu_user_exit();
	instrumentation_begin();
	visible();
	instrumentation_end();
	rcu_user_enter();
}

noinstr void do_int3(struct pt_regs *regs)
{
	if (knob)
		do_user_trap(regs);
}
