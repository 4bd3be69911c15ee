/*
 * The unlikely part of a hidden function, split off into .text.
 *
 * refuse: clone, "hidden_one.cold(), which the compiler made of hidden_one() in .noinstr.text, lies in .text"
 */
#include "tests/host/noinstr/case.h"

void split(void) __asm__("hidden_one.cold");
void split(void)
{ /* here */
	knob = 1;
}

noinstr void hidden_one(void);
noinstr void hidden_one(void) { knob = 2; }

noinstr void do_nmi(struct pt_regs *regs)
{
	hidden_one();
	knob = 3;
}
