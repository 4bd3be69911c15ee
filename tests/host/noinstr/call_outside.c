/*
 * A visible function called by hidden code, outside begin and end.
 *
 * refuse: visible-call, "do_nmi() calls visible visible() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> visible
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	rcu_nmi_enter();
	visible(); /* here */
	rcu_nmi_exit();
}
