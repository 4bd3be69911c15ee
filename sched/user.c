/* A thread's user half: address space, floating-point registers, and where its traps begin. */
#include "arch/x86/entry/desc.h"
#include "context/context.h"
#include "mm/space.h"
#include "sched/internal.h"
#include "sched/thread.h"

static const struct space *space_of(const struct thread *t) { return t->user ? t->user->space : NULL; }

/* A kernel thread has the kernel's own tables: so a space whose threads are gone is loaded nowhere. */
void sched_switch_user(struct thread *prev, struct thread *next)
{
	if (prev->user)
		fpu_save(&prev->user->fpu);
	if (space_of(prev) != space_of(next))
		space_load(space_of(next));
	if (!next->user)
		return;
	fpu_load(&next->user->fpu);
	this_cpu(tss).rsp[0] = next->stack->top;
}

void thread_become_user(struct user_half *u)
{
	preempt_disable();
	u->pml4 = u->space->pml4;
	current()->user = u;
	space_load(u->space);
	fpu_load(&u->fpu);
	this_cpu(tss).rsp[0] = current()->stack->top;
	preempt_enable();
}

void thread_leave_user(void)
{
	preempt_disable();
	current()->user = NULL;
	space_load(NULL);
	preempt_enable();
}
