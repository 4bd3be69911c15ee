/* Return probes of users: the address on the stack leads to an int3, and what it was is on a list of the thread's. */
#include "kernel/uprobe/internal.h"
#include "kernel/usercopy.h"
#include "mm/kmalloc.h"

#define RETURNS_MAX 64

/* A call under way. Several probes at one entry have one each, of which the first knows the real address, the others the trampoline. */
struct uprobe_returns {
	unsigned n;
	struct hooked {
		u64 slot; /* where the address lies */
		u64 address, id;
	} calls[RETURNS_MAX];
};
static_assert(sizeof(struct uprobe_returns) <= KMALLOC_MAX, "an object");

void uprobe_thread_end(struct user_half *u) { kfree(u->returns); }

/* Calls that were left without a return, by a longjmp: their part of the stack is used for something else now. */
static void drop_stale(struct uprobe_returns *r, u64 slot, bool hooked)
{
	while (r->n && (r->calls[r->n - 1].slot < slot || (!hooked && r->calls[r->n - 1].slot == slot)))
		r->n--;
}

static bool hook(struct uprobe_returns *r, u64 slot, u64 id)
{
	u64 address, trampoline = RETURN_TRAMPOLINE;

	if (copy_from_user(&address, slot, sizeof(address)) != 0)
		return false;
	drop_stale(r, slot, address == trampoline);
	if (r->n == RETURNS_MAX || (address == trampoline && !r->n) ||
	    copy_to_user(slot, &trampoline, sizeof(trampoline)) != 0)
		return false;
	r->calls[r->n++] = (struct hooked){ slot, address, id };
	return true;
}

void uprobe_hook_return(struct user_half *user, struct pt_regs *regs, struct uprobe_place *place)
{
	if (!user->returns)
		user->returns = kzalloc(sizeof(*user->returns));
	for (struct uprobe *u = READ_ONCE(place->probes); u; u = READ_ONCE(u->next))
		if (READ_ONCE(u->armed) && u->ret_handler &&
		    (!user->returns || !READ_ONCE(user->space->copies) ||
		     !hook(user->returns, regs->sp, u->id)))
			__atomic_fetch_add(&u->nmissed, 1, __ATOMIC_RELAXED);
}

static void call_handler(u64 id, struct pt_regs *regs)
{
	struct uprobe *u;

	rcu_read_lock();
	u = uprobe_by_id(id);
	if (u && READ_ONCE(u->armed)) {
		__atomic_fetch_add(&u->hits, 1, __ATOMIC_RELAXED);
		u->ret_handler(u, regs, regs->ip);
	}
	rcu_read_unlock();
}

/* The slot is the highest one below the stack pointer: ret has taken it, and perhaps arguments above it. */
bool uprobe_return(struct user_half *user, struct pt_regs *regs)
{
	struct uprobe_returns *r = user->returns;
	unsigned first, end = r ? r->n : 0;

	while (r && r->n && r->calls[r->n - 1].slot < regs->sp) {
		r->n--;
		if (r->calls[r->n].slot != r->calls[end - 1].slot)
			end = r->n + 1; /* it was left without a return */
	}
	first = r ? r->n : 0;
	if (first == end)
		return false;
	regs->ip = r->calls[first].address;
	for (unsigned i = end; i-- > first;)
		call_handler(r->calls[i].id, regs);
	return true;
}
