/* A user's exception: a page that is made now, a message to who handles the process's faults, or its end with a report. */
#include "kernel/fault.h"

#include "abi/errno.h"
#include "abi/ipc.h"
#include "arch/x86/entry/vectors.h"
#include "kernel/process.h"
#include "kernel/uprobe/uprobe.h"
#include "lib/printk.h"

#define ERROR_USER 4 /* of a page fault's error code (SDM vol. 3, figure 4-12) */

static void report(struct process *p, const struct pt_regs *regs, u64 about)
{
	char buf[8];

	printk("process %s: thread %d: %s at %lx, error code %lx, about %lx, sp %lx\n", p->name,
	       current()->tid, vector_name((unsigned)regs->vector, buf), regs->ip, regs->error, about,
	       regs->sp);
}

void fault_answered(struct pt_regs *regs, const struct pt_regs *m, int err)
{
	struct process *p = current_process();

	if (!err && fault_may_go_on(m)) {
		fault_go_on(regs, m);
		return;
	}
	if (current()->killed)
		return;
	if (err == -EPIPE)
		report(p, regs, m->r9);
	process_kill(p, STATUS_FAULT - (int)regs->vector);
}

/* 0; -EPIPE: nobody handles its faults, or who does has gone. */
static int ask(struct process *p, struct pt_regs *m)
{
	struct ipc_party me = { .regs = m };
	struct endpoint *e = __atomic_load_n(&p->faults, __ATOMIC_ACQUIRE);

	return e ? ipc_call(e, p->faults_badge, &me, IPC_FOR_EVER) : -EPIPE;
}

void user_fault(struct pt_regs *regs, u64 about)
{
	struct process *p = current_process();
	struct pt_regs m;

	/* The kernel's own right, in user mode: the CPU's for itself, say to a segment's descriptor. No page of his would help. */
	if (regs->vector == X86_TRAP_PF && regs->error & ERROR_USER &&
	    space_fault(p->space, about, regs->error) == 0)
		return;
	/* The step out of its last call, say: whether that was told would depend on whether somebody waits for it just now. */
	if (current()->killed)
		return;
	uprobe_leave_copy(regs);
	fault_call_direct(regs, about);
	fault_message(&m, regs, about);
	fault_answered(regs, &m, ask(p, &m));
}
