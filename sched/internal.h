/* What the scheduler's files share: the run queue. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "context/spinlock.h"
#include "lib/bug.h"
#include "sched/thread.h"

struct run_queue {
	struct spinlock lock;
	struct thread *idle;
	u32 ready; /* bit p: queues[p] isn't empty */
	u32 nr_ready;
	struct list_head queues[NR_PRIORITIES];
};
DECLARE_PER_CPU(struct run_queue, run_queue);
struct run_queue *run_queue_of(u32 cpu);

/* With the lock. Behind its equals. */
static __always_inline void sched_enqueue(struct run_queue *rq, struct thread *t)
{
	BUG_ON(t->queued);
	list_add_tail(&t->run, &rq->queues[t->priority]);
	rq->ready |= 1u << t->priority;
	rq->nr_ready++;
	t->queued = true;
}

/* returns.c. A new thread, in the list of all; and one that nobody runs any more. */
void graph_thread_begin(struct thread *t);
void graph_thread_end(struct thread *t);
/* Interrupts off, from @prev to @next: what that one is in the middle of began later by the time it was away. */
void graph_slept(struct graph_stack *prev, struct graph_stack *next);

/* times.c. Interrupts off: this CPU goes from @prev to another thread, and somebody wants to know for how long each runs. */
extern struct static_key thread_times_key;
void thread_times_switch(struct thread *prev);

/* user.c. Interrupts off: one of them has a user half. */
void sched_switch_user(struct thread *prev, struct thread *next);

u32 sched_pick_cpu(u32 affinity);
void sched_start_on(struct thread *t, u32 cpu);
/* comm.c, both under the lock of the list of threads. A thread that ends; and its name afterwards, "<...>" when it's forgotten. */
void comm_save(const struct thread *t);
void comm_find_saved(s32 tid, char buf[16]);
void sched_finish_switch(struct thread *prev);
/* The way out of schedule(), for a thread that wasn't in it: @prev was left for it. Interrupts and preemption are on afterwards. */
void sched_arrive(struct thread *prev);
/* direct.h's, out of line. */
void sched_direct_killed(struct thread *prev);
/* The current thread is no more: doesn't return. */
void sched_exit_current(void);
