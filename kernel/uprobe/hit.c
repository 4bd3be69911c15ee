/* A user's hit, from the int3 to the next instruction; in the thread's own context, as any trap of a user's. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/text_poke.h"
#include "kernel/uprobe/internal.h"
#include "kernel/usercopy.h"

enum found { NOTHING, GONE, HIT };

static void call_handlers(struct user_half *user, struct pt_regs *regs, struct uprobe_place *place)
{
	bool returns = false;

	for (struct uprobe *u = READ_ONCE(place->probes); u; u = READ_ONCE(u->next)) {
		if (!READ_ONCE(u->armed))
			continue;
		if (u->ret_handler) {
			returns = true;
			continue;
		}
		__atomic_fetch_add(&u->hits, 1, __ATOMIC_RELAXED);
		u->handler(u, regs);
	}
	if (returns)
		uprobe_hook_return(user, regs, place);
}

/* The place may go when the reader ends, so what is yet to be done with its instruction is copied. */
static enum found look(struct user_half *user, struct pt_regs *regs, const struct memory *m, u64 offset,
		       struct displaced *d)
{
	struct uprobe_place *place = NULL;
	struct uprobe_site *s;
	enum found found;

	rcu_read_lock();
	s = uprobe_site_find(m, offset);
	if (s && __atomic_load_n(&s->in, __ATOMIC_ACQUIRE))
		place = rcu_dereference(s->place);
	found = place ? HIT : s ? GONE : NOTHING;
	if (found != NOTHING)
		regs->ip--;
	if (place) {
		*d = place->what;
		d->va = regs->ip; /* it may be mapped elsewhere */
		call_handlers(user, regs, place);
	}
	rcu_read_unlock();
	return found;
}

/* As the kernel's own: the same place twice in a row is an emulator that still has the old translation. */
static void try_again(struct user_half *user, const struct pt_regs *regs, struct memory *m, u64 offset)
{
	if (user->gone_before == regs->ip)
		uprobe_refresh(m, offset);
	user->gone_before = regs->ip;
}

static void step(struct user_half *user, struct pt_regs *regs, const struct displaced *d)
{
	user->step = (struct user_step){
		.original = d->va,
		.copy = regs->ip,
		.length = d->insn.length,
		.fixes = insn_fixes(&d->insn),
		.active = true,
		.tf = regs->flags & X86_EFLAGS_TF,
		.keep_tf = d->insn.class == INSN_POPF,
	};
	regs->flags |= X86_EFLAGS_TF;
}

/* True: it has been done whole, so that a step that the user makes ends here. */
static bool execute(struct user_half *user, struct pt_regs *regs, const struct displaced *d, struct memory *m,
		    u64 offset)
{
	u64 copy;

	if (uprobe_emulate(regs, d))
		return true;
	copy = copy_get(user->space, d);
	if (!copy) {
		uprobe_give_up(m, offset);
		return false;
	}
	regs->ip = copy;
	if (!insn_can_boost(&d->insn) || regs->flags & X86_EFLAGS_TF)
		step(user, regs, d);
	return false;
}

/* The CPU would have said so, if the int3 hadn't been there. */
static bool step_ends(struct pt_regs *regs, u64 *about)
{
	if (!(regs->flags & X86_EFLAGS_TF))
		return true;
	regs->vector = X86_TRAP_DB;
	regs->error = 0;
	*about = DR6_RESERVED | DR6_BS;
	return false;
}

static bool breakpoint(struct user_half *user, struct pt_regs *regs, u64 *about)
{
	struct displaced d;
	enum found found;
	struct memory *m;
	bool done = true;
	u64 offset;

	if (regs->ip - 1 == RETURN_TRAMPOLINE)
		return uprobe_return(user, regs);
	m = space_text(user->space, regs->ip - 1, &offset);
	if (!m)
		return false;
	if (uprobe_any_returns())
		copy_make_trampoline(user->space); /* without it they are missed */
	found = look(user, regs, m, offset, &d);
	if (found == GONE)
		try_again(user, regs, m, offset);
	else if (found == HIT && execute(user, regs, &d, m, offset))
		done = step_ends(regs, about);
	memory_put(m);
	return found != NOTHING && done;
}

/* What the copy did relative to itself. */
static void fix_up(const struct user_step *s, struct pt_regs *regs)
{
	u64 next = s->original + s->length;

	if (s->fixes & INSN_FIX_IP)
		regs->ip += s->original - s->copy;
	if (s->fixes & INSN_FIX_RETURN)
		copy_to_user(regs->sp, &next, sizeof(next));
	if (!s->tf && !s->keep_tf)
		regs->flags &= ~X86_EFLAGS_TF;
}

/* A rep that isn't over yet goes on; unless the user wants to see each round himself. */
static bool stepped(struct user_half *user, struct pt_regs *regs, u64 dr6)
{
	struct user_step *s = &user->step;

	if (!s->active || !(dr6 & DR6_BS))
		return false;
	if (regs->ip == s->copy && !s->tf)
		return true;
	s->active = false;
	fix_up(s, regs);
	return !s->tf;
}

bool uprobe_trap(struct pt_regs *regs, u64 *about)
{
	struct user_half *user = current()->user;
	bool ours = false;

	if (!user || (regs->vector != X86_TRAP_BP && !user->step.active && regs->ip != RETURN_TRAMPOLINE))
		return false;
	local_irq_enable();
	if (regs->vector == X86_TRAP_BP)
		ours = breakpoint(user, regs, about);
	else if (regs->vector == X86_TRAP_DB)
		ours = stepped(user, regs, *about);
	if (!ours && regs->vector == X86_TRAP_DB && regs->ip == RETURN_TRAMPOLINE)
		uprobe_return(user, regs); /* who steps over a return sees where it leads */
	local_irq_disable();
	return ours;
}

void uprobe_leave_copy(struct pt_regs *regs)
{
	struct user_half *user = current()->user;
	u64 original, behind;

	if (!user || !copy_original(user->space, regs->ip, &original, &behind))
		return;
	regs->ip = original + behind;
	if (user->step.active && !user->step.tf)
		regs->flags &= ~X86_EFLAGS_TF;
	user->step.active = false;
}
