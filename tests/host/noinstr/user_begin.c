/*
 * A region on the way back to user mode, when RCU has been told to look away.
 *
 * refuse: not-entered, "from_user(): instrumentation_begin() before rcu_nmi_enter() or rcu_irq_enter(), or after the exit"
 * path: it changes whether RCU watches: from_user
 */
#include "tests/host/noinstr/case.h"

void rcu_user_enter(void);
void rcu_user_exit(void);
void from_user(void);

noinstr void rcu_user_enter(void) { barrier(); }
noinstr void rcu_user_exit(void) { barrier(); }

noinstr void from_user(void)
{
	rcu_user_exit();
	instrumentation_begin();
	visible();
	instrumentation_end();
	rcu_user_enter();
	knob = 1;
	instrumentation_begin();
	visible(); /* here */
	instrumentation_end();
}
