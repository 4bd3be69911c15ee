/* A user's exception: a page that is made now, a message to who handles the process's faults, or its end with a report. */
#include "kernel/fault.h"

#include "abi/errno.h"
#include "abi/ipc.h"
#include "arch/x86/entry/vectors.h"
#include "kernel/process.h"
#include "kernel/uprobe/uprobe.h"
#include "lib/printk.h"

#define ERROR_USER 4 /* of a page fault's error code (SDM vol. 3, figure 4-12) */

/* 0: it goes on, as @regs say. -EPIPE: nobody handles its faults; else who does doesn't want it to, or not sensibly. */
static int ask(struct process *p, struct pt_regs *regs, u64 about)
{
	struct pt_regs m = {
		.si = IPC_LABEL_FAULT,
		.dx = regs->vector,
		.r8 = regs->error,
		.r9 = about,
		.r10 = regs->ip,
		.r12 = regs->sp,
		.r13 = (u64)current()->tid,
		.r14 = regs->bp,
		.r15 = regs->flags,
	};
	struct ipc_party me = { .regs = &m };
	struct endpoint *e = __atomic_load_n(&p->faults, __ATOMIC_ACQUIRE);

	int err = e ? ipc_call(e, p->faults_badge, &me, IPC_FOR_EVER) : -EPIPE;

	if (err)
		return err;
	if ((m.si != IPC_FAULT_GO_ON && m.si != IPC_FAULT_SET) || m.dx >= USER_END)
		return -EINVAL;
	regs->ip = m.dx;
	if (m.si == IPC_FAULT_SET) {
		regs->flags = (regs->flags & ~IPC_FAULT_FLAGS) | (m.r8 & IPC_FAULT_FLAGS);
		regs->sp = m.r9;
	}
	return 0;
}

static void report(struct process *p, const struct pt_regs *regs, u64 about)
{
	char buf[8];

	printk("process %s: thread %d: %s at %lx, error code %lx, about %lx, sp %lx\n", p->name,
	       current()->tid, vector_name((unsigned)regs->vector, buf), regs->ip, regs->error, about,
	       regs->sp);
}

void user_fault(struct pt_regs *regs, u64 about)
{
	struct process *p = current_process();
	int err;

	/* The kernel's own right, in user mode: the CPU's for itself, say to a segment's descriptor. No page of his would help. */
	if (regs->vector == X86_TRAP_PF && regs->error & ERROR_USER &&
	    space_fault(p->space, about, regs->error) == 0)
		return;
	/* The step out of its last call, say: whether that was told would depend on whether somebody waits for it just now. */
	if (current()->killed)
		return;
	uprobe_leave_copy(regs);
	err = ask(p, regs, about);
	if (!err || current()->killed)
		return;
	if (err == -EPIPE)
		report(p, regs, about);
	process_kill(p, STATUS_FAULT - (int)regs->vector);
}
