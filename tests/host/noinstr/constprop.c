/*
 * A clone for constant arguments, in .text.
 *
 * flags: -fipa-cp -fipa-cp-clone
 * refuse O1: visible-call, "do_nmi() calls visible helper"
 * refuse O2: visible-call, "do_nmi() calls visible helper.constprop.0() outside"
 * refuse Os: visible-call, "do_nmi() calls visible helper"
 */
#include "tests/host/noinstr/case.h"

static noinline int helper(int a, int b)
{
	for (int i = 0; i < a; i++)
		knob += b;
	return knob;
}

noinstr void do_nmi(struct pt_regs *regs) { knob = helper(100, 7); /* here */ }
