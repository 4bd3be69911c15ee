/*
 * Where a handler may be called through a pointer, nothing else that is visible may be.
 *
 * refuse: trap-path, "kprobe_int3() calls visible visible() on the path of int3 and #DB"
 * path: vector 3 (#BP): asm_exc_int3 -> do_int3 -> kprobe_int3 -> visible
 */
#include "tests/host/noinstr/case.h"

__kprobes void kprobe_int3(void);
__kprobes void kprobe_int3(void)
{
	pointer(); /* tables.c lists it: the pre handler */
	visible(); /* here */
	knob = 1;
}

noinstr void do_int3(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	kprobe_int3();
	instrumentation_end();
	rcu_nmi_exit();
}
