/*
 * A probe-only hidden function before the context is entered.
 *
 * refuse: too-early, "do_nmi() calls helper() in .kprobes.text, where the context is not established"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> helper
 */
#include "tests/host/noinstr/case.h"

static __kprobes void helper(void) { knob = 1; }

noinstr void do_nmi(struct pt_regs *regs)
{
	helper(); /* here */
	rcu_nmi_enter();
	rcu_nmi_exit();
}
