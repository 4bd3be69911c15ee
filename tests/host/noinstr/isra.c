/*
 * A clone without the argument that isn't used, in .text.
 *
 * flags: -fipa-sra
 * refuse O1: visible-call, "do_nmi() calls visible helper"
 * refuse O2: visible-call, ".isra.0() outside"
 * refuse Os: visible-call, ".isra.0() outside"
 */
#include "tests/host/noinstr/case.h"

struct pair {
	int a, b;
};

static noinline int helper(struct pair *p)
{
	knob = p->a;
	return knob + 3;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	struct pair p = { knob, 0 };

	knob = helper(&p); /* here */
}
