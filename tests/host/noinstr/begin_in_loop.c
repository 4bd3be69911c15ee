/*
 * A loop that begins once a round and never ends.
 *
 * refuse: join, "paths meet"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	while (knob) {
		knob = 1;
		instrumentation_begin();
		visible();
	}
	knob = 2;
	rcu_nmi_exit();
}
