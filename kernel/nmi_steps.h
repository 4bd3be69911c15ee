/* An NMI at every moment of a function: in front of each of its instructions, one after the other. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/compiler.h"

/* Where an int3 of this stands in for an NMI to come; 0: nowhere. */
extern u64 nmi_steps_at;
/* From traps.c: takes it out, and has the NMI come instead. False: another CPU has just done so. */
bool nmi_steps_take(struct pt_regs *regs);
static __always_inline bool nmi_steps_int3(struct pt_regs *regs)
{
	return unlikely(regs->ip - 1 == READ_ONCE(nmi_steps_at)) && nmi_steps_take(regs);
}
