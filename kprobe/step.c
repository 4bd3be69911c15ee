/*
 * A hit, from int3 to the instruction after: handlers around, and in the middle the displaced
 * instruction, in the way that its place has chosen.
 */
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "kprobe/handlers.h"
#include "lib/bug.h"

/*
 * What touches this stack lies in .entry.text, where no setting lets a probe in: an instruction that
 * reads the number of steps can't be stepped itself, since its own step would be among them.
 */
DEFINE_PER_CPU(struct step, steps[MAX_STEPS]);

/* The copy with int3s behind it is about to run. TF tells #DB's way of ending it from int3's. */
static noinline __emergency void step_begin(struct kprobe_site *s, struct pt_regs *regs, bool handled, u64 tf)
{
	u64 depth = this_cpu(step_depth), copy = (u64)step_copy(s), flags = regs->flags;
	u32 vectors = this_cpu(bb_depth);
	bool more = s->post || s->fix & (INSN_FIX_RETURN | FIX_PUSHED);

	BUG_ON(depth == MAX_STEPS);
	/* Interrupts stay out: their handlers would be single-stepped, or run in the middle of a hit. */
	regs->flags = (flags & ~(X86_EFLAGS_IF | X86_EFLAGS_TF)) | tf;
	regs->ip = copy;
	/* Until it is counted, an NMI's steps take the same place; each is deeper in vectors, and so found out. */
	do {
		this_cpu_at(steps, depth).vector_depth = vectors;
		barrier();
		this_cpu_at(steps, depth).at = more ? 0 : copy + s->length;
		this_cpu_at(steps, depth).to = s->addr + s->length;
		this_cpu_at(steps, depth).flip = (u16)(flags ^ regs->flags);
		this_cpu_at(steps, depth).handled = handled;
		this_cpu_at(steps, depth).s = s;
		barrier();
		this_cpu(step_depth) = (u32)depth + 1;
		barrier();
	} while (unlikely(this_cpu_at(steps, depth).vector_depth != vectors));
}

static __always_inline struct step *innermost(u32 depth) { return this_cpu_ptr(steps[depth - 1]); }

/* Flags as the step's beginning found them. No instruction is stepped that changes TF or IF. */
static __always_inline void restore_flags(const struct step *step, struct pt_regs *regs)
{
	regs->flags ^= step->flip;
}

static __kprobes void call_post(struct kprobe_site *s, struct pt_regs *regs)
{
	u32 guard = guard_enter_trap(GUARD_KPROBE);

	if (!guard)
		return;
	for (struct kprobe *p = READ_ONCE(s->probes); p; p = READ_ONCE(p->next))
		if (p->post && READ_ONCE(p->armed))
			p->post(p, regs);
	guard_leave(guard);
}

/*
 * Emulators deliver a step and a watchpoint of one instruction as two #DBs, of which the second overwrites the first one's frame on
 * the IST stack before the stub has run. So what the int3 behind the copy can end is left to that (docs/TRICKS.md).
 */
static __always_inline u64 trap_flag(const struct kprobe_site *s)
{
	return static_branch_unlikely(&hw_breakpoint_key) &&
			       (s->insn.class == INSN_PLAIN || s->fix == FIX_PUSHED)
		       ? 0
		       : X86_EFLAGS_TF;
}

/* If not, it is left to the copy, and will fault. */
static __always_inline bool was_run(const struct kprobe_site *s, const struct pt_regs *regs)
{
	return !s->slot || regs->ip != (u64)s->slot;
}

static __always_inline void displaced(struct kprobe_site *s, struct pt_regs *regs, bool handled)
{
	u8 technique = READ_ONCE(s->technique);

	if (technique == KPROBE_EMULATE) {
		if (s->emulation == EMULATE_NOP)
			regs->ip += s->length; /* may be done twice: emulate() would mark it as done */
		else
			emulate(s, regs);
		if (unlikely(s->post) && handled && was_run(s, regs))
			call_post(s, regs);
	} else if (technique == KPROBE_BOOST) {
		regs->ip = READ_ONCE(s->boosted);
	} else {
		step_begin(s, regs, handled, technique == KPROBE_INT3 ? 0 : trap_flag(s));
	}
}

enum hit { HIT_NOBODYS, HIT_SENT_ELSEWHERE, HIT_HANDLED, HIT_MISSED };

/*
 * As if the instruction itself were next. RF isn't an int3's to keep: QEMU's TCG leaves it set when a watchpoint on the same place
 * has set it, and the next instruction's watchpoint would be passed over.
 */
static __always_inline void hit_at(const struct kprobe_site *s, struct pt_regs *regs)
{
	regs->ip = s->addr;
	regs->flags &= ~X86_EFLAGS_RF;
}

/* In all cases but the usual one. */
static noinline __kprobes enum hit hit_unusual(struct pt_regs *regs, struct kprobe_site *s)
{
	bool elsewhere;
	u32 guard;

	if (!READ_ONCE(s->armed)) {
		/*
		 * Arming was busted between its two steps, and the int3 is here all the same: take it out. It isn't an
		 * exchange's, which has come since: that is known before it is seen.
		 */
		if (s->busted && *(volatile u8 *)s->addr == INT3_BYTE && !text_poke_pending(s->addr))
			text_poke_emergency((void *)s->addr, s->original);
		return HIT_NOBODYS; /* the byte is no int3 any more: do_int3() steps back */
	}
	hit_at(s, regs);
	guard = guard_enter_trap(GUARD_KPROBE);
	if (!guard) {
		missed(s);
		return HIT_MISSED;
	}
	elsewhere = call_pre(s, regs);
	guard_leave(guard);
	return elsewhere ? HIT_SENT_ELSEWHERE : HIT_HANDLED;
}

/* Usually one probe is there, and nothing of the kind is going on: then nothing is kept meanwhile. */
static __always_inline enum hit hit(struct pt_regs *regs, struct kprobe_site *s)
{
	const u32 guard = GUARD_BIT(GUARD_KPROBE, GUARD_TRAP);
	struct kprobe *p = READ_ONCE(s->only);

	if (unlikely(!p || in_real_nmi() || guard_taken(guard)))
		return hit_unusual(regs, s);
	hit_at(s, regs);
	guard_set(guard);
	__atomic_fetch_add(&p->hits, 1, __ATOMIC_RELAXED);
	p->pre(p, regs);
	guard_clear(guard);
	return likely(regs->ip == s->addr) ? HIT_HANDLED : HIT_SENT_ELSEWHERE;
}

__kprobes bool kprobe_at(u64 addr)
{
	const struct kprobe_site *s = kprobe_find(addr);

	return s && READ_ONCE(s->armed);
}

__kprobes bool kprobe_int3(struct pt_regs *regs, struct kprobe_site *s)
{
	enum hit how;

	if (unlikely(s->addr != regs->ip - 1)) {
		s = kprobe_find_in(s, regs->ip - 1);
		if (!s)
			return false;
	}
	how = hit(regs, s);
	if (likely(how == HIT_HANDLED))
		displaced(s, regs, true);
	else if (how == HIT_MISSED)
		displaced(s, regs, false);
	else if (how == HIT_SENT_ELSEWHERE) {
		regs->ip = jump_landing(regs->ip);
		regs->vector |= VECTOR_DONE;
	}
	return how != HIT_NOBODYS;
}

noinstr bool kprobe_without_effect(struct pt_regs *regs)
{
	struct kprobe_site *s = kprobe_find(regs->ip - 1);

	if (!s || !READ_ONCE(s->armed))
		return false;
	hit_at(s, regs);
	this_cpu_at(guard_dropped, GUARD_KPROBE)++;
	count_missed(s);
	displaced(s, regs, false);
	return true;
}

/* The word on the stack is where it goes. */
static noinline __emergency void go_where_pushed(struct kprobe_site *s, struct pt_regs *regs)
{
	u64 *word = (u64 *)regs->sp;

	regs->ip = *word;
	if (s->insn.class == INSN_CALL_IND && canonical(regs->ip))
		*word = s->addr + s->length;
	else
		regs->sp += 8;
	if (unlikely(!canonical(regs->ip)))
		leave_it_to_copy(s, regs);
}

/* The copy ran at another address: what it derived from its own must be moved back. The emergency needs it, too. */
static __always_inline void fix_up(struct kprobe_site *s, struct pt_regs *regs)
{
	if (s->fix & INSN_FIX_IP)
		regs->ip += s->moved;
	if (unlikely(s->fix & INSN_FIX_RETURN))
		*(u64 *)regs->sp += s->moved;
	if (unlikely(s->fix == FIX_PUSHED))
		go_where_pushed(s, regs);
}

__emergency struct kprobe_site *step_finish(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);
	const struct step *step = innermost(depth);
	struct kprobe_site *s = step->s;

	if (regs->vector == X86_TRAP_BP)
		regs->ip--; /* it is behind the copy's int3 */
	restore_flags(step, regs);
	fix_up(s, regs);
	this_cpu(step_depth) = depth - 1; /* from here on another step may take its place */
	return s;
}

/* One that was begun with effect has a handler for afterwards, and comes to its end outside of what was taken for it. */
__emergency bool step_end_without_effect(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);
	const struct kprobe_site *s;

	if (!depth || innermost(depth)->handled)
		return false;
	s = innermost(depth)->s;
	if (regs->vector == X86_TRAP_BP && regs->ip - 1 != (u64)step_copy(s) + s->length)
		return false;
	if (regs->vector == X86_TRAP_DB && s->rep && regs->ip == (u64)step_copy(s))
		return true;
	step_finish(regs);
	return true;
}

/* The innermost step has ended, and regs->ip is where the copy left it. */
static __always_inline void end_step(u64 top, struct kprobe_site *s, struct pt_regs *regs)
{
	regs->flags ^= this_cpu_at(steps, top).flip;
	fix_up(s, regs);
	if (unlikely(s->post) && this_cpu_at(steps, top).handled && was_run(s, regs))
		call_post(s, regs);
	/* Only now may another step take this one's place: until here bust_kprobes() would still need it. */
	this_cpu(step_depth)--;
}

/* An int3 that is no probe's: is it the one behind the innermost copy? */
__emergency bool kprobe_copy_done(struct pt_regs *regs)
{
	u64 top = this_cpu(step_depth) - 1ul;
	struct kprobe_site *s;

	if (unlikely(top == -1ul))
		return false;
	s = this_cpu_at(steps, top).s;
	if (unlikely(regs->ip - 1 != (u64)step_copy(s) + s->length))
		return false;
	regs->ip--;
	end_step(top, s, regs);
	return true;
}

__emergency bool kprobe_debug(struct pt_regs *regs, u64 dr6)
{
	u64 top = this_cpu(step_depth) - 1ul;
	struct kprobe_site *s;

	if (unlikely(!(dr6 & DR6_BS) || top == -1ul))
		return false;
	s = this_cpu_at(steps, top).s;
	/* A rep instruction traps after each round: it isn't done while ip is still at the copy. */
	if (unlikely(s->rep) && regs->ip == (u64)step_copy(s))
		return true;
	/* Where a branch's copy leads anybody may be; any other ends here, or it isn't its step that this #DB is about. */
	if (unlikely(s->insn.class == INSN_PLAIN && regs->ip != (u64)step_copy(s) + s->length))
		return false;
	end_step(top, s, regs);
	return true;
}

/* Its place's handlers for faults; the guard is as for the others. */
static bool call_fault(struct kprobe_site *s, struct pt_regs *regs)
{
	u32 guard = guard_enter(GUARD_KPROBE);
	bool handled = false;

	if (!guard)
		return false;
	for (struct kprobe *p = READ_ONCE(s->probes); p && !handled; p = READ_ONCE(p->next))
		handled = p->fault && READ_ONCE(p->armed) && p->fault(p, regs);
	guard_leave(guard);
	return handled;
}

/* Whose copy with a jump behind it is at @ip, and of what? That is in no step. */
static struct kprobe_site *boosted_at(u64 ip, u64 *original)
{
	struct kprobe_site *s = in_slots(ip) ? slot_owner(ip) : NULL;

	if (in_detours(ip))
		return detour_copy_at(ip, original);
	if (!s || ip != (u64)s->slot)
		return NULL;
	*original = s->addr;
	return s;
}

/* The innermost step, if its copy is where @regs is: given up. */
static __emergency struct kprobe_site *step_abandon(struct pt_regs *regs)
{
	u32 depth = this_cpu(step_depth);
	const struct step *step;

	if (!depth)
		return NULL;
	step = innermost(depth);
	if (regs->ip != (u64)step_copy(step->s))
		return NULL;
	restore_flags(step, regs);
	this_cpu(step_depth) = depth - 1;
	return step->s;
}

bool kprobe_fault(struct pt_regs *regs)
{
	u64 original;
	struct kprobe_site *s = boosted_at(regs->ip, &original);

	if (!s) {
		s = step_abandon(regs);
		if (!s)
			return false;
		original = s->addr;
	}
	regs->ip = original;
	if (original != s->addr || !call_fault(s, regs))
		return false;
	regs->ip = jump_landing(regs->ip);
	return true;
}
