/*
 * A signal: mostly its receiver is busy, and it is a bit to set. Who waits for it on this CPU and comes first goes on at once, and the
 * signaller waits for his turn.
 *
 * All that isn't so simple is left to kernel/notification.c. docs/TRICKS.md has the arguments.
 */
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/ipc_direct.h"
#include "kernel/process.h"
#include "kernel/syscall_internal.h"
#include "lib/compiler.h"
#include "sched/direct.h"

/*
 * Interrupts off, both queues locked: so nobody's priority changes. Who has waited longest, if he deserves this CPU more and nothing on
 * his stack would be missed.
 */
static __always_inline struct thread *first(const struct notification *n, const struct thread *prev)
{
	struct list_head *at = n->waiters.waiters.next;
	struct thread *t = list_entry(at, struct waiter, link)->thread;

	if (unlikely(at == &n->waiters.waiters || !t->user || t->priority <= prev->priority))
		return NULL;
	return likely(container_of(t->user, struct user_thread, half)->waits_for == n) ? t : NULL;
}

/*
 * Interrupts off. @next has been claimed and is in no queue, and @prev in this CPU's. The bits have never been set in @n, so that nobody
 * else takes them. With them goes the reference of the call that is forgotten.
 */
static __always_inline void go(struct thread *prev, struct thread *next, struct notification *n, u64 bits)
{
	struct user_thread *u = container_of(next->user, struct user_thread, half);

	u->waits_for = NULL;
	u->party.regs->ax = 0;
	u->party.regs->dx = bits | notification_take(n);
	object_put(&n->object);
	sched_become(prev, prev->user, next);
	asm_syscall_resume();
}

/* What follows is each the end of the system call, with interrupts off until then. */
static noinline long tell(struct notification *n)
{
	notification_tell(n);
	raw_local_irq_enable();
	return 0;
}

/* Somebody waits. */
static noinline long signal_first(struct pt_regs *regs, struct notification *n)
{
	struct thread *prev = current(), *next;
	struct run_queue *rq = this_cpu_ptr(run_queue);

	/* This function's own return may be hooked, too. */
	if (regs->si && ipc_may_leave(regs) && !prev->graph.top->slot &&
	    likely(spin_trylock_bare(&n->waiters.lock))) {
		if (likely(spin_trylock_bare(&rq->lock))) {
			next = first(n, prev);
			if (likely(next && sched_claim_asleep(prev, next))) {
				list_del(n->waiters.waiters.next);
				sched_set_aside(rq, prev, regs);
				spin_unlock_bare(&rq->lock);
				spin_unlock_bare(&n->waiters.lock);
				go(prev, next, n, regs->si);
			}
			spin_unlock_bare(&rq->lock);
		}
		spin_unlock_bare(&n->waiters.lock);
	}
	notification_set(n, regs->si);
	return tell(n);
}

/* It isn't there to be signalled, or not any more: why. */
static noinline long signal_slowly(u64 h, u64 bits)
{
	struct notification *n;
	int err;

	raw_local_irq_enable();
	n = get_object(h, OBJECT_NOTIFICATION, RIGHT_SEND, &err);
	if (!n)
		return err;
	notification_signal(n, bits);
	object_put(&n->object);
	return 0;
}

/* With interrupts off what was found stays. */
long sys_notification_signal(struct pt_regs *regs)
{
	struct user_thread *me = container_of(current()->user, struct user_thread, half);
	u64 badge;
	struct notification *n;
	struct object *o;

	raw_local_irq_disable();
	o = handle_find_quickly(&me->process->handles, regs->di, OBJECT_NOTIFICATION, RIGHT_SEND, &badge);
	n = container_of(o, struct notification, object);
	if (unlikely(!o))
		return signal_slowly(regs->di, regs->si);
	if (unlikely(notification_waited_for(n)))
		return signal_first(regs, n);
	if (unlikely(notification_set(n, regs->si)))
		return tell(n);
	raw_local_irq_enable();
	return 0;
}
