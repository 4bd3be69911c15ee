/* The scheduler: a run queue a CPU, the highest priority first, and round robin among equals. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/switch.h"
#include "context/context.h"
#include "context/rcu_read.h"
#include "context/rcu_trace.h"
#include "context/trap.h"
#include "lib/bug.h"
#include "lib/chaos.h"
#include "lib/tracepoint.h"
#include "sched/direct.h"
#include "sched/internal.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "trace/clock.h"

static_assert(offsetof(struct thread, sp) == THREAD_SP_OFFSET, "switch.asm saves the stack pointer there");
static_assert(offsetof(struct thread, killed) == THREAD_KILLED_OFFSET, "syscall.asm looks there");

DEFINE_PER_CPU(struct thread *, current_thread);
DEFINE_PER_CPU(struct run_queue, run_queue);

struct run_queue *run_queue_of(u32 cpu) { return per_cpu_ptr(run_queue, cpu); }

static __always_inline void dequeue(struct run_queue *rq, struct thread *t, int priority)
{
	list_del(&t->run);
	if (list_empty(&rq->queues[priority]))
		rq->ready &= ~(1u << priority);
	rq->nr_ready--;
	t->queued = false;
}

static struct thread *dequeue_best(struct run_queue *rq)
{
	struct thread *t;
	int p;

	if (!rq->ready)
		return rq->idle;
	p = 31 - __builtin_clz(rq->ready);
	t = list_entry(rq->queues[p].next, struct thread, run);
	dequeue(rq, t, p);
	return t;
}

/* The run queue lock of wherever @t is now; it may move while we wait for the lock. */
static struct run_queue *lock_queue_of(struct thread *t, u64 *flags)
{
	for (;;) {
		struct run_queue *rq = run_queue_of(READ_ONCE(t->cpu));

		*flags = spin_lock_irqsave(&rq->lock);
		if (rq == run_queue_of(READ_ONCE(t->cpu)))
			return rq;
		spin_unlock_irqrestore(&rq->lock, *flags);
	}
}

/* Interrupts off, this CPU's run queue locked: is the best of the waiting better than who runs? */
static void look_again(struct run_queue *rq)
{
	if (rq->ready && (current() == rq->idle || (u64)rq->ready >> (current()->priority + 1)))
		set_need_resched();
	else
		timer_reprogram(
			rq); /* an equal waits for its turn, and a thread that was alone had no timer */
}

/* The run queue of @cpu has got something, and is locked. */
static __always_inline void kick(struct run_queue *rq, u32 cpu)
{
	if (cpu == this_cpu(cpu_number))
		look_again(rq);
	else
		apic_send_ipi(cpu_apic_id[cpu], VECTOR_RESCHEDULE);
}

void sched_interrupt(void)
{
	struct run_queue *rq = this_cpu_ptr(run_queue);

	spin_lock(&rq->lock);
	look_again(rq);
	spin_unlock(&rq->lock);
	if (this_cpu(quiescent).wanted) {
		this_cpu(quiescent).wanted = false;
		set_need_resched();
	}
}

bool thread_wake(struct thread *t)
{
	u64 flags;
	struct run_queue *rq = lock_queue_of(t, &flags);
	bool woken = sched_claim(t);

	if (woken) {
		tracepoint(sched_wakeup, t->comm, t->tid, t->priority, (int)t->cpu);
		if (!t->queued && !t->running)
			sched_enqueue(rq, t);
		kick(rq, t->cpu);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	return woken;
}

/* First it says so, then it looks whether @t sleeps: docs/TRICKS.md, "A killed thread meets its end on the way to user mode". */
void thread_kill(struct thread *t)
{
	u64 flags;
	struct run_queue *rq = lock_queue_of(t, &flags);
	bool ready = t->queued;

	WRITE_ONCE(t->killed, true);
	if (ready)
		dequeue(rq, t, t->priority);
	t->priority = PRIORITY_DYING;
	if (ready) {
		sched_enqueue(rq, t);
		kick(rq, t->cpu);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	thread_wake(t);
}

/* The first CPU in @affinity that is up, this one preferred. */
u32 sched_pick_cpu(u32 affinity)
{
	u32 here = this_cpu(cpu_number);

	affinity &= READ_ONCE(cpus_up);
	if (affinity & 1u << here)
		return here;
	return affinity ? (u32)__builtin_ctz(affinity) : NR_CPUS;
}

/* Puts a runnable thread that runs nowhere on the run queue of @cpu. */
void sched_start_on(struct thread *t, u32 cpu)
{
	struct run_queue *rq = run_queue_of(cpu);
	u64 flags = spin_lock_irqsave(&rq->lock);

	t->cpu = cpu;
	sched_enqueue(rq, t);
	kick(rq, cpu);
	spin_unlock_irqrestore(&rq->lock, flags);
}

/*
 * The second half of a switch, on the new thread's stack: only now is @prev's stack nobody's, so
 * only now may another CPU run it, or anyone free it. The run queue's lock was handed over.
 */
void sched_finish_switch(struct thread *prev)
{
	struct run_queue *rq = run_queue_of(this_cpu(cpu_number));
	bool leaving = prev->state == THREAD_RUNNABLE && !prev->queued && prev != rq->idle;

	if (prev->state == THREAD_DEAD) {
		spin_unlock(&rq->lock);
		wake_all_and_clear(&prev->joiners, &prev->running);
		return;
	}
	if (leaving) /* under this queue's lock, so that a waker who holds it knows where to look next */
		prev->cpu = sched_pick_cpu(prev->affinity);
	chaos_point(); /* a waker finds it still running */
	__atomic_store_n(&prev->running, false, __ATOMIC_RELEASE);
	spin_unlock(&rq->lock);
	if (leaving)
		sched_start_on(prev, prev->cpu);
}

static void take_over(struct run_queue *rq, struct thread *prev, struct thread *next)
{
	prev->depth_and_reader = DEPTH_AND_READER;
	prev->guard_bits = this_cpu(guard_bits);
	DEPTH_AND_READER = next->depth_and_reader;
	this_cpu(guard_bits) = next->guard_bits;
	next->depth_and_reader = next->guard_bits = 0; /* as sched/direct.h leaves them */
	if ((u64)prev->user | (u64)next->user)
		sched_switch_user(prev, next);
	if (static_branch_unlikely(&thread_times_key))
		thread_times_switch(prev);
	next->running = true;
	this_cpu(current_thread) = next;
	this_cpu(current_tid) = next->tid;
}

/* In Linux's bits. */
static long traced_state(const struct thread *t, bool preempted)
{
	static const u8 bits[] = { [THREAD_RUNNABLE] = 0, [THREAD_BLOCKED] = 0x1, [THREAD_DEAD] = 0x10 };

	return preempted ? 0x100 : bits[t->state];
}

/* Interrupts off. @preempted: the thread didn't ask, so it stays runnable whatever it is about to wait for. */
static void switch_away(bool preempted)
{
	struct run_queue *rq = run_queue_of(this_cpu(cpu_number));
	struct thread *prev = current(), *next;

	/*
	 * A full barrier: whoever reads the new count may free what a reader on this CPU could have found, so no reader
	 * from here on may have looked yet. Taking the lock would come too late for a tracer's, at spin_lock()'s entry.
	 */
	__atomic_fetch_add(&this_cpu_ptr(quiescent)->switches, 1, __ATOMIC_SEQ_CST);
	spin_lock(&rq->lock);
	clear_need_resched();
	if ((preempted || prev->state == THREAD_RUNNABLE) && prev->state != THREAD_DEAD && prev != rq->idle &&
	    (prev->affinity & 1u << this_cpu(cpu_number)))
		sched_enqueue(rq, prev);
	next = dequeue_best(rq);
	next->slice_end = trace_clock() + TIME_SLICE_NS;
	if (next == prev) {
		timer_reprogram(rq);
		spin_unlock(&rq->lock);
		return;
	}
	tracepoint(sched_switch, prev->comm, prev->tid, prev->priority, traced_state(prev, preempted),
		   next->comm, next->tid, next->priority);
	take_over(rq, prev, next);
	timer_reprogram(rq);
	if (static_branch_unlikely(&graph_asleep_key))
		graph_slept(&prev->graph, &next->graph);
	this_cpu(graph_here) = &next->graph; /* last: a call until here returns to this one's slots */
	sched_finish_switch(switch_to(prev, next));
}

/*
 * The calling thread is here of its own will, so it isn't in the middle of anything that may be waited for. Locked, as a
 * full barrier: what it does next comes after this is seen.
 */
static void passing_through(u64 steps) { __atomic_fetch_add(&current()->voluntary, steps, __ATOMIC_SEQ_CST); }

/* Interrupts off, preemption too: by a reader, which is told and survives; holding a lock, it wouldn't. */
static noinline void in_a_reader(u64 flags, u64 where, void (*block)(void))
{
	u32 depth;

	BUG_ON(!in_task() || !(flags & X86_EFLAGS_IF));
	depth = rcu_check_block(where, "Voluntary context switch within RCU read-side critical section!");
	local_irq_restore(flags);
	block();
	rcu_check_go_on(depth);
}

/*
 * Preemption is off across the switch, beyond the run queue's lock: the functions on the way are
 * traced, and a tracer's preempt_enable() in one of them would come back here. On the way out
 * interrupts come first, then the look whether somebody better was woken by the switch itself.
 */
void schedule(void)
{
	u64 flags = local_irq_save();

	if (unlikely(in_atomic())) {
		in_a_reader(flags, RETURN_ADDRESS(), schedule);
		return;
	}
	preempt_disable();
	passing_through(1);
	switch_away(false);
	passing_through(1);
	local_irq_restore(flags);
	preempt_enable();
}

void thread_yield(void)
{
	u64 flags = local_irq_save();

	if (unlikely(in_atomic())) {
		in_a_reader(flags, RETURN_ADDRESS(), thread_yield);
		return;
	}
	preempt_disable();
	passing_through(2);
	switch_away(true);
	local_irq_restore(flags);
	preempt_enable();
}

bool thread_others_wait(void) { return READ_ONCE(this_cpu_ptr(run_queue)->ready) >> current()->priority; }

void sched_arrive(struct thread *prev)
{
	sched_finish_switch(prev);
	passing_through(1);
	local_irq_enable();
	preempt_enable();
}

/* It has been killed before it was blocked: who did that woke nobody. The interrupt is for who has become current. */
void sched_direct_killed(struct thread *prev)
{
	thread_wake(prev);
	apic_send_ipi(cpu_apic_id[this_cpu(cpu_number)], VECTOR_RESCHEDULE);
}

void sched_exit_current(void)
{
	preempt_disable();
	local_irq_disable();
	current()->state = THREAD_DEAD;
	passing_through(1);
	switch_away(false);
}

/* notrace, both: called by the tracer's preempt_enable() with preemption on; traced, they would call themselves. */
notrace void preempt_schedule_irq(void)
{
	while (context_read() == 0) {
		preempt_disable();
		switch_away(true);
		preempt_enable_no_resched();
	}
}

/*
 * With interrupts off it does nothing: whoever turned them off may hold what the next thread on this CPU would
 * wait for. The request stays until the next preempt_enable() or interrupt. So whoever wakes a thread with interrupts
 * off must have preemption off, too, as every spinlock has, and enable that last: a CPU without a tick may get no interrupt.
 */
notrace void preempt_schedule(void)
{
	if (!irqs_enabled())
		return;
	local_irq_disable();
	preempt_schedule_irq();
	local_irq_enable();
}

/* An idle thread's whole life: preemption off throughout, so that an interrupt's way out leaves it alone. */
int idle_loop(void *arg)
{
	preempt_disable();
	for (;;) {
		local_irq_disable();
		if (need_resched())
			switch_away(true);
		else {
			if (static_branch_unlikely(&irqsoff_key))
				irqsoff_end(); /* it waits with interrupts on */
			cpu_idle();
		}
	}
	return 0;
}

void sched_tick(u64 now)
{
	struct run_queue *rq = run_queue_of(this_cpu(cpu_number));
	struct thread *t = current();

	spin_lock(&rq->lock);
	/* Only an equal takes its turn; a higher one has preempted already. */
	if (t != rq->idle && now >= t->slice_end && !list_empty(&rq->queues[t->priority]))
		set_need_resched();
	spin_unlock(&rq->lock);
}
