/*
 * Between begin and end, but on the path of int3: hidden from end to end.
 *
 * refuse: trap-path, "look() calls visible visible() on the path of int3 and #DB"
 * path: vector 3 (#BP): asm_exc_int3 -> do_int3 -> look -> visible
 */
#include "tests/host/noinstr/case.h"

static __kprobes void look(void)
{
	visible(); /* here */
	knob = 1;
}

noinstr void do_int3(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	look();
	instrumentation_end();
	rcu_nmi_exit();
}
