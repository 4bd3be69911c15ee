/*
 * From one thread's system call straight to the end of another's, without the run queue: what makes messages cheap.
 *
 * The one that is left has no frames in the kernel but its registers at the top of its stack, and whoever switches to it finds
 * there where it goes on; the one that is gone to has nothing on its stack that anybody misses. docs/TRICKS.md has the arguments.
 */
#pragma once

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/mm/stacks.h"
#include "context/context.h"
#include "context/trap.h"
#include "mm/space.h"
#include "sched/internal.h"

/* Blocked no more, by one of all who try: what becomes of it is his affair. */
static __always_inline bool sched_claim(struct thread *t)
{
	u8 blocked = THREAD_BLOCKED;

	return __atomic_compare_exchange_n(&t->state, &blocked, THREAD_RUNNABLE, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

/* What the four bytes of a thread's condition are when it is blocked and nothing else; and as it goes on. */
#define ASLEEP	((u32)THREAD_BLOCKED)
#define RUNNING ((u32)THREAD_RUNNABLE | 1u << 8)
static_assert(offsetof(struct thread, running) == offsetof(struct thread, state) + 1,
	      "RUNNING and ASLEEP have them so");

/* Does nobody who is ready deserve this CPU more than @next, and would it be that one's turn? */
static __always_inline bool sched_is_best(const struct thread *prev, const struct thread *next)
{
	u32 ready = READ_ONCE(this_cpu(run_queue).ready);

	return likely(!ready) || !((u64)ready >> (next->priority + (next->priority == prev->priority)));
}

/*
 * Interrupts off until all is done, as for the next. @next, a user's thread that has gone to sleep with no call on its stack hooked,
 * is claimed if it is asleep on this CPU, and is to run at once. False: it isn't so, and nothing has changed.
 */
static __always_inline bool sched_claim_asleep(const struct thread *prev, struct thread *next)
{
	u32 asleep = ASLEEP;

	return next->cpu == prev->cpu && !next->graph.top->slot && sched_is_best(prev, next) &&
	       __atomic_compare_exchange_n(&next->condition, &asleep, RUNNING, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

/* As asm_thread_woken()'s frame (syscall.asm): what switch_to() pops, and where it returns to. */
struct direct_frame {
	u64 saved[6];
	void (*ret)(void);
};

/* Both at once, as they lie (context/trap.h). */
#define DEPTH_AND_READER (*(u64 __seg_gs *)(u64)&bb_depth)

/* For a thread that is left in a trap, by one that is in none, and the other way round. */
static __always_inline void sched_leave_trap(struct thread *prev)
{
	prev->depth_and_reader = DEPTH_AND_READER;
	DEPTH_AND_READER = 0;
}
static __always_inline void sched_enter_trap(struct thread *next)
{
	DEPTH_AND_READER = next->depth_and_reader;
	next->depth_and_reader = 0;
}

/* Where @prev, the current thread, goes on one day. @regs: its own, at the top of its stack. */
static __always_inline void sched_leave(struct thread *prev, struct pt_regs *regs)
{
	struct direct_frame *f = (struct direct_frame *)regs - 1;

	f->ret = asm_thread_woken;
	prev->sp = (u64)f;
}

/* @next, which has been claimed, is current, and only the stack is still @prev's. Returns @next's stack's top. */
static __always_inline u64 sched_become(struct thread *prev, struct user_half *half, struct thread *next)
{
	u64 top = next->stack->top;

	fpu_save(&half->fpu);
	next->slice_end = prev->slice_end; /* the same turn goes on, and so the timer is right */
	__atomic_fetch_add(&next->voluntary, 1, __ATOMIC_SEQ_CST);
	half = next->user;
	fpu_load(&half->fpu);
	space_load_pml4(half->pml4);
	this_cpu(tss).rsp[0] = top;
	this_cpu(current_thread) = next;
	this_cpu(current_tid) = next->tid;
	this_cpu(graph_here) = &next->graph;
	return top;
}

/* The same, and @prev is asleep. */
static __always_inline u64 sched_go_to(struct thread *prev, struct user_half *half, struct thread *next,
				       struct pt_regs *regs)
{
	u64 top;

	sched_leave(prev, regs);
	/* Who wakes it from here on puts it on this CPU's run queue, where it stays until we are through. */
	WRITE_ONCE(prev->state_and_running, ASLEEP);
	__atomic_fetch_add(&prev->voluntary, 1, __ATOMIC_SEQ_CST); /* before the look at killed, too */
	top = sched_become(prev, half, next);
	if (unlikely(prev->killed))
		sched_direct_killed(prev);
	return top;
}

/* With the lock of this CPU's run queue: @prev isn't asleep but waits for its turn, behind who comes first. */
static __always_inline void sched_set_aside(struct run_queue *rq, struct thread *prev, struct pt_regs *regs)
{
	sched_leave(prev, regs);
	sched_enqueue(rq, prev);
	WRITE_ONCE(prev->running, false);
	__atomic_fetch_add(&prev->voluntary, 1, __ATOMIC_SEQ_CST);
}
