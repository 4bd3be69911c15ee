/*
 * Begin after RCU was told the end, in a function that the handler calls.
 *
 * refuse: not-entered, "after(): instrumentation_begin() before rcu_nmi_enter() or rcu_irq_enter(), or after the exit"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> after
 */
#include "tests/host/noinstr/case.h"

static noinstr void leave(void)
{
	rcu_nmi_exit();
	knob = 1;
}

static noinstr void after(void)
{
	knob = 2;
	instrumentation_begin();
	visible(); /* here */
	instrumentation_end();
	knob = 3;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	leave();
	after();
	knob = 4;
}
