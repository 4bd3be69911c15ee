/*
 * From user mode into the kernel and back: traps, interrupts and system calls alike. What is between is a thread's own work, as
 * any: it may be preempted, may block, may be traced.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/entry/vectors.h"
#include "context/context.h"
#include "context/trap.h"
#include "context/watch.h"
#include "arch/x86/mm/user.h"
#include "kernel/fault.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/traps.h"
#include "kernel/uprobe/uprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/instrumentation.h"
#include "lib/tracepoint.h"
#include "sched/thread.h"

bool (*user_trap)(struct pt_regs *regs);

/* Interrupts off. Who kills the thread after we have looked sends an interrupt. */
static void before_user_mode(void)
{
	while (current()->killed || context_read() == 0) { /* ... or somebody has asked for this CPU */
		local_irq_enable();
		if (current()->killed)
			process_thread_end();
		schedule();
		local_irq_disable();
	}
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_end();
}

/* Interrupts off. notrace: the hook may not come back, and a tracer would wait for its return. */
static notrace void exception(struct pt_regs *regs, u64 about)
{
	tracepoint(exception_entry, (int)regs->vector, regs->ip, regs->error);
	if (regs->vector == X86_TRAP_PF)
		tracepoint(page_fault_user, about, regs->ip, regs->error);
	if (current()->user) {
		local_irq_enable();
		user_fault(regs, about);
		local_irq_disable();
	} else if (!user_trap || !user_trap(regs))
		panic_regs(regs, "vector %lu in user mode, and no process takes it: error code %lx",
			   regs->vector, regs->error);
	tracepoint(exception_exit, (int)regs->vector, regs->ip);
}

/* What the CPU says of it in a register, and says once: read before anything else may make it say something new. */
static __always_inline u64 take_reason(const struct pt_regs *regs)
{
	u64 dr6;

	if (regs->vector == X86_TRAP_PF)
		return read_cr2();
	if (regs->vector != X86_TRAP_DB)
		return 0;
	dr6 = read_dr6();
	write_dr6(DR6_RESERVED);
	return dr6;
}

/*
 * A watchpoint hit by a user's instruction: for who has set it, and no affair of the user's. In a trap's context, as its handler
 * expects, and with a record, which the stub leaves only where it is needed.
 */
static bool watched(struct pt_regs *regs, u64 dr6)
{
	struct trap_record t;
	u64 dr7;
	bool all;

	if (!hw_breakpoint_any())
		return false;
	dr7 = hw_breakpoint_pause();
	trap_record_link(&t, regs);
	trap_enter();
	all = watchpoint_debug(regs, dr6, dr7);
	trap_exit();
	trap_record_unlink(&t);
	hw_breakpoint_resume(dr7);
	return all;
}

/*
 * An exception that the CPU doesn't make: for a step over syscall, which sysret and iretq would both be too late to report, and for
 * an address to return to where nothing can be executed, at which both would fault in the kernel, with the user's GS. Who handles
 * faults can't answer with such a one.
 */
static void pretend(struct pt_regs *regs, u64 vector, u64 about)
{
	regs->vector = vector;
	regs->error = 0;
	exception(regs, about);
}

static void look_where_to(struct pt_regs *regs)
{
	if (unlikely(regs->ip >= USER_END))
		pretend(regs, X86_TRAP_GP, 0);
}

void user_trap_resume(struct pt_regs *regs)
{
	local_irq_disable();
	tracepoint(exception_exit, (int)regs->vector, regs->ip);
	look_where_to(regs);
	before_user_mode();
}

noinstr void do_user_trap(struct pt_regs *regs)
{
	u64 about = take_reason(regs);

	rcu_user_exit();
	instrumentation_begin();
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_begin();
	if (regs->vector < IRQ_BASE_VECTOR) {
		if ((regs->vector != X86_TRAP_DB || !watched(regs, about)) && !uprobe_trap(regs, &about))
			exception(regs, about);
	} else {
		context_add(HARDIRQ_ONE);
		irq_dispatch((unsigned)regs->vector - IRQ_BASE_VECTOR);
		context_sub(HARDIRQ_ONE);
	}
	look_where_to(regs); /* some CPUs jump there and fault then; an interrupt may come first */
	before_user_mode();
	instrumentation_end();
	rcu_user_enter();
}

long do_syscall(struct pt_regs *regs)
{
	long number = (long)regs->error, result;

	tracepoint(sys_enter, number, regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9);
	result = regs->error < NR_SYSCALLS ? syscalls[regs->error](regs) : -ENOSYS;
	tracepoint(sys_exit, number, result);
	return result;
}

void syscall_work(struct pt_regs *regs)
{
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_begin();
	if (regs->flags & X86_EFLAGS_TF)
		pretend(regs, X86_TRAP_DB, DR6_RESERVED | DR6_BS);
	look_where_to(regs); /* the call may be his last instruction below the hole */
	before_user_mode();
}

noinstr void user_enter(u64 ip, u64 sp, u64 arg0, u64 arg1)
{
	rcu_user_enter();
	asm_user_enter(ip, sp, arg0, arg1);
}
