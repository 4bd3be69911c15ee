/*
 * A tail call into hidden code is a jump like any other.
 *
 * flags: -foptimize-sibling-calls
 * pass: O1 O2 Os
 */
#include "tests/host/noinstr/case.h"

noinstr void do_nmi(struct pt_regs *regs)
{
	knob = 1;
	hidden();
}
