/*
 * A pointer called on the path of #DB that is no handler's.
 *
 * refuse: trap-path, "only handlers may be called"
 * path: vector 1 (#DB): asm_exc_debug -> do_debug -> (a pointer)
 */
#include "tests/host/noinstr/case.h"

noinstr void do_debug(struct pt_regs *regs)
{
	rcu_nmi_enter();
	instrumentation_begin();
	pointer(); /* here */
	instrumentation_end();
	rcu_nmi_exit();
}
