/*
 * A hit, from int3 to the instruction after: handlers around, and in the middle the displaced
 * instruction, single-stepped in its slot.
 */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "lib/tracepoint.h"
#include "trace/guard.h"

/*
 * What touches this stack lies in .entry.text, where no setting lets a probe in: an instruction that
 * reads the number of steps can't be stepped itself, since its own step would be among them.
 */
DEFINE_PER_CPU(struct step, steps[MAX_STEPS]);

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

__emergency void step_begin(struct kprobe *p, struct pt_regs *regs, bool handled)
{
	u32 depth = this_cpu(step_depth);
	struct step *s = this_cpu_ptr(steps[depth]);

	BUG_ON(depth == MAX_STEPS);
	s->p = p;
	s->flags = regs->flags & (X86_EFLAGS_TF | X86_EFLAGS_IF);
	s->vector_depth = this_cpu(bb_depth);
	s->handled = handled;
	this_cpu(step_depth) = depth + 1;
	/* Interrupts stay out: their handlers would be single-stepped, and run in the middle of a hit. */
	regs->flags = (regs->flags & ~X86_EFLAGS_IF) | X86_EFLAGS_TF;
	regs->ip = (u64)p->slot;
}

static __always_inline struct step *innermost(u32 depth) { return this_cpu_ptr(steps[depth - 1]); }

/* Flags as the step's beginning found them. */
static __always_inline void restore_flags(const struct step *s, struct pt_regs *regs)
{
	regs->flags = (regs->flags & ~(X86_EFLAGS_TF | X86_EFLAGS_IF)) | s->flags;
}

/* A probe on the way of recording this would be missed again, and again: so it has a guard of its own, taken in here. */
static __always_inline void missed(struct kprobe *p)
{
	u32 guard;

	__atomic_fetch_add(&p->nmissed, 1, __ATOMIC_RELAXED);
	if (!static_branch_unlikely(&event_kprobe_missed.key))
		return;
	guard = guard_enter(GUARD_MISSED);
	if (!guard)
		return;
	kprobe_missed_handler(p);
	guard_leave(guard);
}

__kprobes bool kprobe_int3(struct pt_regs *regs, u64 *ret)
{
	struct kprobe *p = kprobe_find(regs->ip - 1);
	u32 guard;

	if (!p)
		return false;
	if (!READ_ONCE(p->armed)) {
		/* Arming was busted between its two steps, and the int3 is here all the same: take it out. */
		if (*(volatile u8 *)p->addr == INT3_BYTE)
			text_poke_emergency((void *)p->addr, p->original);
		return false; /* the byte is no int3 any more: do_int3() steps back */
	}
	regs->ip = p->addr;
	guard = guard_enter(GUARD_KPROBE);
	if (guard) {
		__atomic_fetch_add(&p->hits, 1, __ATOMIC_RELAXED);
		if (p->pre)
			p->pre(p, regs);
		guard_leave(guard);
	} else {
		missed(p);
	}
	if (p->slot) {
		step_begin(p, regs, guard != 0);
		return true;
	}
	*ret = emulate(p, regs);
	if (guard)
		call_handler(p->post, p, regs);
	return true;
}

/* The copy ran at another address: what it derived from its own must be moved back. The emergency needs it, too. */
static __emergency void fix_up(const struct kprobe *p, struct pt_regs *regs)
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

__emergency struct kprobe *step_finish(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);
	const struct step *s = innermost(depth);
	struct kprobe *p = s->p;

	restore_flags(s, regs);
	fix_up(p, regs);
	this_cpu(step_depth) = depth - 1; /* from here on another step may take its place */
	return p;
}

static __always_inline bool in_slot(const struct kprobe *p, u64 ip)
{
	return ip >= (u64)p->slot && ip < (u64)p->slot + p->insn.length;
}

__emergency bool kprobe_debug(struct pt_regs *regs, u64 dr6)
{
	u32 depth = this_cpu(step_depth);
	const struct step *s;
	struct kprobe *p;

	if (!(dr6 & DR6_BS) || !depth)
		return false;
	s = innermost(depth);
	p = s->p;
	/* A rep instruction traps after each round: it isn't done while ip is still at the copy. */
	if (p->insn.rep && regs->ip == (u64)p->slot)
		return true;
	restore_flags(s, regs);
	fix_up(p, regs);
	if (s->handled)
		call_handler(p->post, p, regs);
	/* Only now may another step take this one's place: until here bust_kprobes() would still need it. */
	this_cpu(step_depth) = depth - 1;
	return true;
}

__emergency bool kprobe_fault(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);
	const struct step *s;

	if (!depth)
		return false;
	s = innermost(depth);
	if (!in_slot(s->p, regs->ip))
		return false;
	restore_flags(s, regs);
	regs->ip = s->p->addr;
	this_cpu(step_depth) = depth - 1;
	return false;
}
