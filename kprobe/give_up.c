/* The emergency of plain calls: out of a callback that is called by what it calls, from the handler of the overflowed stack. */
#include "arch/x86/mm/stacks.h"
#include "context/recover.h"
#include "kprobe/bust.h"
#include "kprobe/internal.h"
#include "trace/black_box.h"
#include "trace/policy.h"

/* Whoever is one level deep and has no stack left has called himself by no policy's leave. */
#define RECURSION_MIN 2

/* More than all stacks can hold: a spoiled chain ends here. */
#define MAX_CALLS 4096

/*
 * The outermost call of those in this context: what an interrupt or NMI was in the middle of isn't to be given up with it, and will
 * find instrumentation off.
 */
static __always_inline struct recovery *outermost(unsigned *depth)
{
	const u32 context = HARDIRQ_MASK | CONTEXT_REAL_NMI;
	struct recovery *r = this_cpu(recovery_top), *first = NULL;
	u32 here = this_cpu(context_word) & context;

	for (*depth = 0; r && stack_of((u64)r) && *depth < MAX_CALLS; r = r->outer) {
		if ((r->before.context_word & context) != here)
			break;
		first = r;
		++*depth;
	}
	return first;
}

/* Those begun since are of the calls that are given up. */
static __always_inline u32 steps_before(const struct cpu_accounts *before)
{
	u32 depth = this_cpu(step_depth);

	while (depth && this_cpu_at(steps, depth - 1).vector_depth > before->bb_depth)
		depth--;
	return depth;
}

__emergency bool give_up_calls(struct pt_regs *regs)
{
	unsigned depth;
	struct recovery *r = outermost(&depth);

	if (depth < RECURSION_MIN)
		return false;
	WRITE_ONCE(instruments_off,
		   true); /* whoever is in the middle of the same elsewhere returns by itself */
	given_up.function = r->function;
	given_up.depth = depth;
	given_up.stack = (u64)r - regs->sp;
	__atomic_fetch_add(&given_up.count, 1, __ATOMIC_RELAXED);

	recovery_return(r, regs);
	this_cpu(recovery_top) = r;
	this_cpu(trap_top) = r->trap_top;
	this_cpu(step_depth) = steps_before(&r->before);
	calls_cut((u64)r);
	accounts_restore(&r->before);
	this_cpu(bb_depth)++; /* this handler's own trap */
	black_box_note((u16)regs->vector, BB_RESUME, regs->ip, (u64)r, this_cpu(bb_depth));
	return true;
}
