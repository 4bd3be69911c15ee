/*
 * A branch by static key is a nop now, and a jump when the key is on: both ways count.
 *
 * refuse: visible-call, "do_nmi() calls visible visible() outside"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> visible
 */
#include "tests/host/noinstr/case.h"

#include "lib/static_key.h"

static struct static_key key;

noinstr void do_nmi(struct pt_regs *regs)
{
	if (static_branch_unlikely(&key))
		visible(); /* here */
	knob = 1;
}
