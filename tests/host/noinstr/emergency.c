/*
 * The double fault's handler calls what probes may be in, before it has taken them out.
 *
 * refuse: emergency, "do_double_fault() calls hidden() in .noinstr.text, which kprobes/unsafe opens, before the emergency has disarmed all probes"
 * path: vector 8 (#DF): asm_exc_double_fault -> do_double_fault -> hidden
 */
#include "tests/host/noinstr/case.h"

__emergency void do_double_fault(struct pt_regs *regs)
{
	hidden(); /* here */
	knob = 1;
}
