/*
 * A loop that the compiler knows as memset (at -Os, rep stos).
 *
 * pass: Os
 * flags: -ftree-loop-distribute-patterns -mmemset-strategy=libcall:-1:align
 * refuse: visible-call, "do_nmi() calls visible memset(), perhaps the compiler's own call"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> memset
 */
#include "tests/host/noinstr/case.h"

char bytes[65536];

noinstr void do_nmi(struct pt_regs *regs)
{
	for (int i = 0; i < 65536; i++)
		bytes[i] = 7;
	barrier();
}
