/*
 * A hit, from int3 to the instruction after: handlers around, and in the middle the displaced
 * instruction, single-stepped in its slot.
 */
#include "arch/x86/cpu/regs.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "trace/guard.h"

/*
 * Steps nest when a copy faults, or an NMI comes between int3 and #DB, and the handler hits a probe.
 * Each level costs two trap frames and the C below them, over 512 bytes; so the stacks (task and
 * NMI, 24 KiB) end before this does.
 */
#define MAX_STEPS 64

struct step {
	struct kprobe *p;
	u64 flags; /* TF and IF as they were */
};

static DEFINE_PER_CPU(struct step, steps[MAX_STEPS]);

static void __kprobes call_handler(void (*handler)(struct kprobe *, struct pt_regs *), struct kprobe *p,
				   struct pt_regs *regs)
{
	u32 guard = guard_enter(GUARD_KPROBE);

	if (!guard)
		return;
	if (handler)
		handler(p, regs);
	guard_leave(guard);
}

__kprobes void step_begin(struct kprobe *p, struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);

	BUG_ON(depth == MAX_STEPS);
	this_cpu(steps)[depth].p = p;
	this_cpu(steps)[depth].flags = regs->flags & (X86_EFLAGS_TF | X86_EFLAGS_IF);
	this_cpu(step_depth) = depth + 1;
	/* Interrupts stay out: their handlers would be single-stepped, and run in the middle of a hit. */
	regs->flags = (regs->flags & ~X86_EFLAGS_IF) | X86_EFLAGS_TF;
	regs->ip = (u64)p->slot;
}

/* Ends the innermost step: flags as they were. */
static __kprobes struct kprobe *step_end(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth) - 1;

	regs->flags = (regs->flags & ~(X86_EFLAGS_TF | X86_EFLAGS_IF)) | this_cpu(steps)[depth].flags;
	this_cpu(step_depth) = depth;
	return this_cpu(steps)[depth].p;
}

__kprobes bool kprobe_int3(struct pt_regs *regs, u64 *ret)
{
	struct kprobe *p = kprobe_find(regs->ip - 1);
	u32 guard;

	if (!p || !READ_ONCE(p->armed))
		return false;
	regs->ip = p->addr;
	guard = guard_enter(GUARD_KPROBE);
	if (guard) {
		p->hits++;
		if (p->pre)
			p->pre(p, regs);
		guard_leave(guard);
	} else {
		p->nmissed++;
	}
	if (p->slot) {
		step_begin(p, regs);
		return true;
	}
	*ret = emulate(p, regs);
	if (guard)
		call_handler(p->post, p, regs);
	return true;
}

/* The copy ran at another address: what it derived from its own must be moved back. */
static __kprobes void fix_up(const struct kprobe *p, struct pt_regs *regs)
{
	u64 moved = p->addr - (u64)p->slot;

	switch (p->insn.class) {
	case INSN_CALL_REL:
		regs->ip += moved;
		/* fall through */
	case INSN_CALL_IND:
		*(u64 *)regs->sp += moved; /* the return address */
		break;
	case INSN_JMP_IND:
	case INSN_RET:
		break; /* the target came from a register or from memory */
	default:
		regs->ip += moved;
	}
}

static __always_inline bool in_slot(const struct kprobe *p, u64 ip)
{
	return ip >= (u64)p->slot && ip < (u64)p->slot + p->insn.length;
}

__kprobes bool kprobe_debug(struct pt_regs *regs, u64 dr6)
{
	u32 depth = this_cpu(step_depth);
	struct kprobe *p;

	if (!(dr6 & DR6_BS) || !depth)
		return false;
	p = this_cpu(steps)[depth - 1].p;
	/* A rep instruction traps after each round: it isn't done while ip is still at the copy. */
	if (p->insn.rep && regs->ip == (u64)p->slot)
		return true;
	step_end(regs);
	fix_up(p, regs);
	call_handler(p->post, p, regs);
	return true;
}

__kprobes bool kprobe_fault(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);

	if (!depth || !in_slot(this_cpu(steps)[depth - 1].p, regs->ip))
		return false;
	regs->ip = step_end(regs)->addr;
	return false;
}
