/*
 * Visible code in a report of the double fault, where probes are still armed.
 *
 * refuse: emergency, "do_double_fault() calls visible visible() before the emergency has disarmed all probes"
 * path: vector 8 (#DF): asm_exc_double_fault -> do_double_fault -> visible
 */
#include "tests/host/noinstr/case.h"

__emergency void do_double_fault(struct pt_regs *regs)
{
	knob = 1;
	instrumentation_begin();
	visible(); /* here */
	visible_end();
}
