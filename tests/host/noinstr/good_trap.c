/*
 * On the path of int3 handlers may be called, hidden code of all kinds, and a report that never returns.
 *
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

__kprobes void kprobe_int3(void);
__kprobes void kprobe_int3(void)
{
	pointer(); /* tables.c lists it: the pre handler */
	knob = 1;
}

static __emergency void __noreturn last_words(void)
{
	knob = 2;
	instrumentation_begin();
	visible();
	visible_end();
}

noinstr void do_int3(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	kprobe_int3();
	if (knob == 5)
		last_words();
	instrumentation_end();
	rcu_nmi_exit();
}
