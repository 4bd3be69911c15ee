/*
 * A structure assigned: the compiler may call memcpy (at -Os it has rep movs).
 *
 * pass: Os
 * flags: -mmemcpy-strategy=libcall:-1:align
 * refuse: visible-call, "do_nmi() calls visible memcpy(), perhaps the compiler's own call"
 * path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> memcpy
 */
#include "tests/host/noinstr/case.h"

struct big {
	char bytes[65536];
} from, to;

noinstr void do_nmi(struct pt_regs *regs)
{
	to = from; /* here */
	barrier();
}
