/*
 * A region between idle's two calls, where RCU doesn't watch.
 *
 * refuse: not-entered, "idle(): instrumentation_begin() before rcu_nmi_enter() or rcu_irq_enter(), or after the exit"
 * path: it changes whether RCU watches: idle
 */
#include "tests/host/noinstr/case.h"

void rcu_idle_enter(void);
void rcu_idle_exit(void);
void idle(void);

noinstr void rcu_idle_enter(void) { barrier(); }
noinstr void rcu_idle_exit(void) { barrier(); }

noinstr void idle(void)
{
	rcu_idle_enter();
	knob = 1;
	instrumentation_begin();
	visible(); /* here */
	instrumentation_end();
	rcu_idle_exit();
}
