/* What becomes of an exception in user mode. */
#pragma once

#include "abi/ipc.h"
#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/mm/user.h"
#include "lib/types.h"
#include "sched/thread.h"

/*
 * Thread context of a user's thread, interrupts on. @about: CR2 of a page fault, DR6 of a #DB. Either the thread goes on as @regs
 * say, or its process is killed, and so is it.
 */
void user_fault(struct pt_regs *regs, u64 about);

/* user.c. As above, of a trap whose way out has been forgotten: does what do_user_trap() would do after that, and interrupts are off. */
void user_trap_resume(struct pt_regs *regs);

/*
 * fault_direct.c. To who waits for it, at once. Returns if it isn't so simple, with nothing changed: then it is to go in order, as when
 * nobody handles them.
 */
void fault_call_direct(struct pt_regs *regs, u64 about);
/* Thread context: in a switch to a thread that was left like that, by whoever hasn't made the way out short. Interrupts are off afterwards. */
void fault_woken(struct pt_regs *regs);
/* fault.c. @m is the answer, or with an error, which ipc_call() gave, the message: the thread goes on as @regs say, or is killed. */
void fault_answered(struct pt_regs *regs, const struct pt_regs *m, int err);

/* Its message. */
static __always_inline void fault_message(struct pt_regs *m, const struct pt_regs *regs, u64 about)
{
	m->si = IPC_LABEL_FAULT;
	m->dx = regs->vector;
	m->bx = 0;
	m->r8 = regs->error;
	m->r9 = about;
	m->r10 = regs->ip;
	m->r12 = regs->sp;
	m->r13 = (u64)current()->tid;
	m->r14 = regs->bp;
	m->r15 = regs->flags;
}

/* May it go on, by that answer; and so it does. */
static __always_inline bool fault_may_go_on(const struct pt_regs *answer)
{
	return (answer->si == IPC_FAULT_GO_ON || answer->si == IPC_FAULT_SET) && answer->dx < USER_END;
}
static __always_inline void fault_go_on(struct pt_regs *regs, const struct pt_regs *answer)
{
	regs->ip = answer->dx;
	if (answer->si == IPC_FAULT_SET) {
		regs->flags = (regs->flags & ~IPC_FAULT_FLAGS) | (answer->r8 & IPC_FAULT_FLAGS);
		regs->sp = answer->r9;
	}
}
