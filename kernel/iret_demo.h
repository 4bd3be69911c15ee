/* A breakpoint whose handler only returns: why that isn't enough where an instruction was displaced. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"

/* A page with one function, which nobody else runs. Its int3, if there is one, is in its first byte. */
#define IRET_DEMO_PAGE (SLOT_AREA + 0xc000000)

/* From traps.c: an int3 that is answered by doing nothing. */
static __always_inline bool iret_demo_int3(const struct pt_regs *regs)
{
	return regs->ip - 1 == IRET_DEMO_PAGE;
}
/* From traps.c: what was executed in there is no instruction. Notes it, and leaves the function. */
bool iret_demo_fault(struct pt_regs *regs);
