/*
 * A visible function's unlikely part, made by the compiler, and reached by a jump from hidden text.
 *
 * flags: -freorder-blocks-and-partition
 * refuse: visible-call, "do_nmi() calls visible helper() outside"
 */
#include "tests/host/noinstr/case.h"

void __attribute__((__cold__)) unlikely_thing(int n);
void unlikely_thing(int n) { knob = n; }

static noinline void helper(void)
{
	if (unlikely(knob))
		for (int i = 0; i < 100; i++)
			unlikely_thing(i);
	knob = 5;
}

noinstr void do_nmi(struct pt_regs *regs)
{
	helper(); /* here */
	knob = 1;
}
