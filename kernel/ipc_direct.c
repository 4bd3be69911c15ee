/*
 * Calls and replies to who waits for just them, on this CPU: the partner goes on at once, with the words as they are in registers.
 *
 * All that isn't so simple is left to kernel/ipc.c, as if nothing had been tried. docs/TRICKS.md has the arguments.
 */
#include "kernel/ipc_direct.h"

#include "abi/rights.h"
#include "kernel/process.h"
#include "kernel/syscall_internal.h"
#include "lib/debug.h"
#include "lib/tracepoint.h"
#include "sched/direct.h"

struct static_key ipc_watched_key;
STATIC_KEY_ANY(any_watched, .key = &ipc_watched_key,
	       .of = ANY_OF(&debug_key, &thread_times_key, &event_sched_switch.key, &event_sched_wakeup.key,
			    &event_ipc_send.key, &event_ipc_receive.key, &event_ipc_reply.key,
			    &event_exception_exit.key));

/* Interrupts off. And there is no handle in the message. */
static __always_inline bool simple(const struct pt_regs *regs)
{
	return ipc_may_leave(regs) && likely(!regs->bx);
}

/* With its lock. */
static __always_inline struct endpoint *find(const struct user_thread *me, u64 h, u32 right, u64 *badge)
{
	struct object *o = handle_find_quickly(&me->process->handles, h, OBJECT_ENDPOINT, right, badge);
	struct endpoint *e = container_of(o, struct endpoint, object);

	return likely(o && spin_trylock_bare(&e->lock)) ? e : NULL;
}

static __always_inline void call(struct pt_regs *regs)
{
	struct thread *prev = current(), *next;
	struct user_thread *me = container_of(prev->user, struct user_thread, half);
	u64 badge, top;
	struct endpoint *e = simple(regs) ? find(me, regs->di, RIGHT_SEND, &badge) : NULL;
	struct ipc_wait *r;

	if (unlikely(!e))
		return;
	r = list_entry(e->receivers.next, struct ipc_wait, link);
	next = r->thread; /* a wait or not: there is something */
	if (likely(&r->link != &e->receivers && r->direct == IPC_DIRECT && sched_claim_asleep(prev, next))) {
		me->wait.server = r->party->handles;
		ipc_change_places(&me->wait, e, &e->served, r);
		top = sched_go_to(prev, &me->half, next, regs);
		asm_ipc_called(regs, top, &e->lock, badge, (u64)prev->tid);
	}
	spin_unlock_bare(&e->lock);
}

/* The last one first: who receives one call after the other replies to that. */
static __always_inline struct ipc_wait *find_served(const struct endpoint *e, u64 token)
{
	for (struct list_head *at = e->served.prev; at != &e->served; at = at->prev) {
		struct ipc_wait *w = list_entry(at, struct ipc_wait, link);

		if (likely((u64)w->thread->tid == token))
			return w;
	}
	return NULL;
}

/* Who receives there: nothing is there yet. */
static __always_inline bool would_wait(const struct endpoint *e)
{
	return list_empty(&e->callers) && (!e->notification || !READ_ONCE(e->notification->bits));
}

static __always_inline void reply_receive(struct pt_regs *regs)
{
	struct thread *prev = current(), *next;
	struct user_thread *me = container_of(prev->user, struct user_thread, half);
	u64 badge;
	struct endpoint *e = simple(regs) ? find(me, regs->di, RIGHT_RECEIVE, &badge) : NULL;
	struct ipc_wait *caller;

	if (unlikely(!e))
		return;
	caller = find_served(e, regs->bp);
	if (likely(caller && caller->direct == IPC_DIRECT && would_wait(e))) {
		next = caller->thread;
		if (likely(sched_claim_asleep(prev, next))) {
			ipc_change_places(&me->wait, e, &e->receivers, caller);
			asm_ipc_replied(regs, sched_go_to(prev, &me->half, next, regs), &e->lock);
		}
	} else if (caller && caller->direct == IPC_DIRECT_FAULT && would_wait(e)) {
		fault_reply_direct(regs, e, caller);
	}
	spin_unlock_bare(&e->lock);
}

long sys_ipc_call(struct pt_regs *regs)
{
	raw_local_irq_disable();
	call(regs);
	raw_local_irq_enable();
	return ipc_call_in_order(regs);
}

long sys_ipc_reply_receive(struct pt_regs *regs)
{
	raw_local_irq_disable();
	reply_receive(regs);
	raw_local_irq_enable();
	return ipc_reply_receive_in_order(regs);
}
