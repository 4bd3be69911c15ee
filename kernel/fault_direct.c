/*
 * A fault, to a process that waits for just it on this CPU, and the answer back: a call and a reply, but out of an exception and back to it.
 *
 * All that isn't so simple is left to kernel/fault.c, as if nothing had been tried. docs/TRICKS.md has the arguments.
 */
#include "arch/x86/cpu/regs.h"
#include "kernel/fault.h"
#include "kernel/ipc_direct.h"
#include "kernel/process.h"
#include "lib/compiler.h"
#include "sched/direct.h"

/* Interrupts off. Is nothing left to be done for who is in that trap but to go back, and does nobody look on? */
static __always_inline bool may_leave(const struct pt_regs *regs, const struct thread *prev)
{
	return !static_branch_unlikely(&ipc_watched_key) &&
	       likely(context_read() == CONTEXT_NO_RESCHED &&
		      ((const u64 *)regs)[-1] == (u64)asm_user_trap_done && !prev->graph.top->slot);
}

static __always_inline void call(struct pt_regs *regs, u64 about)
{
	struct thread *prev = current();
	struct user_thread *me = container_of(prev->user, struct user_thread, half);
	struct endpoint *e = __atomic_load_n(&me->process->faults, __ATOMIC_ACQUIRE);
	struct ipc_wait *r;
	u64 top;

	if (unlikely(!e || !may_leave(regs, prev) || !spin_trylock_bare(&e->lock)))
		return;
	r = list_entry(e->receivers.next, struct ipc_wait, link);
	if (likely(&r->link != &e->receivers && r->direct == IPC_DIRECT &&
		   sched_claim_asleep(prev, r->thread))) {
		fault_message(&me->fault, regs, about);
		me->wait.party = &me->fault_party;
		me->wait.direct = IPC_DIRECT_FAULT;
		me->wait.server = r->party->handles;
		ipc_change_places(&me->wait, e, &e->served, r);
		sched_leave_trap(prev);
		top = sched_go_to(prev, &me->half, r->thread, regs);
		asm_ipc_called(&me->fault, top, &e->lock, me->process->faults_badge, (u64)prev->tid);
	}
	spin_unlock_bare(&e->lock);
}

void fault_call_direct(struct pt_regs *regs, u64 about)
{
	raw_local_irq_disable();
	call(regs, about);
	raw_local_irq_enable();
}

/* Its next wait is a system call's. */
static __always_inline void over(struct user_thread *u)
{
	u->wait.party = &u->party;
	u->wait.direct = IPC_DIRECT;
}

void fault_reply_direct(struct pt_regs *regs, struct endpoint *e, struct ipc_wait *caller)
{
	struct thread *prev = current(), *next = caller->thread;
	struct user_thread *me = container_of(prev->user, struct user_thread, half);
	struct user_thread *u = container_of(next->user, struct user_thread, half);

	/* This function's own return may be hooked. */
	if (prev->graph.top->slot || !fault_may_go_on(regs) || !sched_claim_asleep(prev, next))
		return;
	fault_go_on(u->party.regs, regs);
	ipc_change_places(&me->wait, e, &e->receivers, caller);
	over(u);
	sched_enter_trap(next);
	sched_go_to(prev, &me->half, next, regs);
	spin_unlock_bare(&e->lock);
	asm_user_trap_resume();
}

void fault_woken(struct pt_regs *regs)
{
	struct user_thread *me = current_user_thread();
	struct endpoint *e = me->wait.endpoint;
	int err = ipc_wait_on(&me->wait, false);

	over(me);
	object_put(&e->object);
	fault_answered(regs, &me->fault, err);
	user_trap_resume(regs);
}
