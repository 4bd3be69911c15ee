/* The short way of messages (ipc_direct.c), and what it falls back to. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kernel/ipc.h"
#include "lib/static_key.h"
#include "lib/types.h"

/*
 * Thread context. May whoever ends the system call that has @regs forget what has called us? Nothing is left to be done there but
 * to go back to user mode: the entry itself has called, nobody has hooked the return, and no step is to be reported.
 */
static __always_inline bool ipc_may_forget(const struct pt_regs *regs)
{
	return ((const u64 *)regs)[-1] == (u64)asm_syscall_done && !(regs->flags & X86_EFLAGS_TF);
}

/* Somebody looks on: then all goes in order, and where is written what. */
extern struct static_key ipc_watched_key;
/* Interrupts off. May this thread be left in that call for another, as if by nobody's decision? Nobody has asked for this CPU either. */
static __always_inline bool ipc_may_leave(const struct pt_regs *regs)
{
	return !static_branch_unlikely(&ipc_watched_key) &&
	       likely(context_read() == CONTEXT_NO_RESCHED && ipc_may_forget(regs));
}

/* With the lock. @partner, who waits no more, and this thread, which does in @list, change places; the reference, too. */
static __always_inline void ipc_change_places(struct ipc_wait *me, struct endpoint *e, struct list_head *list,
					      struct ipc_wait *partner)
{
	struct list_head *prev = partner->link.prev, *next = partner->link.next;

	prev->next = next;
	next->prev = prev;
	list_add_tail(&me->link, list);
	me->endpoint = e;
}

/*
 * fault_direct.c. Interrupts off, and @e locked by spin_trylock_bare(): @caller, of its "served", waits for the answer to a fault
 * (IPC_DIRECT_FAULT), which @regs are. Returns if it isn't so simple, with nothing changed.
 */
void fault_reply_direct(struct pt_regs *regs, struct endpoint *e, struct ipc_wait *caller);

/* The system calls themselves, whatever their partner does. */
long ipc_call_in_order(struct pt_regs *regs);
long ipc_reply_receive_in_order(struct pt_regs *regs);
