/*
 * Calls that can be given up: whoever called one goes on as if it had returned, with the CPU's accounting as it was before. For
 * recursions of plain calls, which have no interrupted frame to go back to.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "context/trap.h"

/* recover.asm pushes it, the last member first. The function's return address lies right below. */
struct recovery {
	struct recovery *outer;
	struct cpu_accounts before;
	struct trap_record *trap_top;
	void *function;
	u64 done;     /* 0: given up */
	u64 saved[5]; /* what a function preserves for its caller */
	u64 bp;
};

static_assert(offsetof(struct recovery, saved) == RECOVERY_SIZE, "recover.asm leaves so much");

DECLARE_PER_CPU(struct recovery *, recovery_top); /* innermost first */

/* Any context, preemption and interrupts off. function(a, b, c, d); false: it was given up. */
bool recoverable_call(u64 a, u64 b, u64 c, u64 d, void (*function)(u64 a, u64 b, u64 c, u64 d));

/* Has @regs go on where @r's call returns, given up: interrupts are still off. */
static __always_inline void recovery_return(struct recovery *r, struct pt_regs *regs)
{
	r->done = 0;
	regs->ip = ((u64 *)r)[-1];
	regs->sp = (u64)r;
	regs->bp = (u64)&r->bp;
	regs->flags &= ~(X86_EFLAGS_IF | X86_EFLAGS_TF);
}
