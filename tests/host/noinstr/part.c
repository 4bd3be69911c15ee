/*
 * Half of a function inlined, the other half in .text.
 *
 * flags: -fpartial-inlining
 * refuse O1: visible-call, "do_nmi() calls visible helper"
 * refuse O2: visible-call, "do_nmi() calls visible helper.part.0() outside"
 * refuse Os: visible-call, "do_nmi() calls visible helper"
 */
#include "tests/host/noinstr/case.h"

static void helper(int n)
{
	if (__builtin_expect(!n, 1))
		return;
	for (int i = 0; i < n; i++) {
		knob += 11111 * i;
		knob ^= 22222 + i;
		knob -= 33333 / n;
		knob |= 44444 % n;
	}
	visible();
}

noinstr void do_nmi(struct pt_regs *regs)
{
	helper(knob);
	helper(knob + 1);
	helper(knob + 2);
}
