/* Callbacks: pushed on a list of this CPU by whoever is in any context, and carried through one grace period. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/graph.h"
#include "context/context.h"
#include "context/rcu_read.h"
#include "context/spinlock.h"
#include "lib/chaos.h"
#include "lib/tracepoint.h"
#include "rcu/internal.h"
#include "sched/mutex.h"
#include "sched/thread.h"

/* More than these on one CPU: the grace period hurries, and who may block waits until half of them have gone. */
#define TOO_MANY  10000
#define AT_A_TIME 64 /* callbacks between two times of saying that they have gone */

struct callbacks { /* the oldest first */
	struct rcu_head *first, **end;
};

struct rcu_cpu {
	struct rcu_head *queued;  /* the newest first: a push needs no lock, so NMIs may */
	struct callbacks waiting; /* rcu_gp's */
	struct callbacks done;	  /* under done_lock */
	s32 pending;		  /* in all three, and being called */
	u64 called;
	struct rcu_head barrier;
};
static DEFINE_PER_CPU(struct rcu_cpu, rcu_cpu);

static SPINLOCK(done_lock);
static u32 done_cpus; /* bit n: CPU n's list has something */
static struct thread *caller;
static struct wait_queue done_queue, room;

static struct rcu_cpu *cpu_list(u32 cpu) { return per_cpu_ptr(rcu_cpu, cpu); }

static noinline void too_many(struct rcu_cpu *c)
{
	rcu_request(get_state_synchronize_rcu(), true);
	if (rcu_may_block() && current() != caller)
		wait_event(&room, READ_ONCE(c->pending) < TOO_MANY / 2);
}

/*
 * Pushed, then: is the grace period that it needs already due? A recursion undone by bust_kprobes() in between leaves a
 * callback for which nobody has asked, or has not woken the thread; whoever comes next does.
 */
static __always_inline void enqueue(struct rcu_cpu *c, struct rcu_head *head,
				    void (*func)(struct rcu_head *head))
{
	s32 before = __atomic_fetch_add(&c->pending, 1, __ATOMIC_RELAXED);
	struct rcu_head *first = READ_ONCE(c->queued);

	head->func = func;
	do {
		head->next = first;
	} while (!__atomic_compare_exchange_n(&c->queued, &first, head, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	if (unlikely(before >= TOO_MANY))
		too_many(c);
	else if (unlikely(READ_ONCE(rcu_gp_due) < rcu_seq_after(READ_ONCE(rcu_gp_seq))))
		rcu_request(get_state_synchronize_rcu(), false);
}

/*
 * A function of its own, so that the way without checks and event needn't keep anything in a register that must be saved.
 */
static noinline void watched_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head),
				      const u64 *return_slot)
{
	if (rcu_checked())
		rcu_check_call(graph_original(return_slot));
	tracepoint(rcu_callback, "rcu_sched", head, func, this_cpu_ptr(rcu_cpu)->pending + 1);
	enqueue(this_cpu_ptr(rcu_cpu), head, func);
}

/* The thread may move on the way: then the callback is another CPU's, which is as good. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	if (rcu_checked() || static_branch_unlikely(&event_rcu_callback.key))
		watched_call_rcu(head, func, RETURN_SLOT());
	else
		enqueue(this_cpu_ptr(rcu_cpu), head, func);
}

static void reverse(struct callbacks *list, struct rcu_head *newest)
{
	struct rcu_head *first = NULL;

	if (!newest)
		return;
	*list = (struct callbacks){ .end = &newest->next };
	for (struct rcu_head *h = newest, *next; h; h = next) {
		next = h->next;
		h->next = first;
		first = h;
	}
	list->first = first;
}

void rcu_callbacks_take(void)
{
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		struct rcu_cpu *c = cpu_list((u32)__builtin_ctz(up));

		if (READ_ONCE(c->queued))
			reverse(&c->waiting, __atomic_exchange_n(&c->queued, NULL, __ATOMIC_SEQ_CST));
	}
}

static void append(struct callbacks *to, struct callbacks *from)
{
	if (!to->first)
		to->end = &to->first;
	*to->end = from->first;
	to->end = from->end;
	from->first = NULL;
}

void rcu_callbacks_done(void)
{
	u64 flags;
	bool any = false;

	flags = spin_lock_irqsave(&done_lock);
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		u32 cpu = (u32)__builtin_ctz(up);

		if (!cpu_list(cpu)->waiting.first)
			continue;
		append(&cpu_list(cpu)->done, &cpu_list(cpu)->waiting);
		done_cpus |= 1u << cpu;
		any = true;
	}
	spin_unlock_irqrestore(&done_lock, flags);
	if (any)
		wake_one(&done_queue);
}

static void gone(struct rcu_cpu *c, s32 n)
{
	c->called += (u64)n;
	if (__atomic_sub_fetch(&c->pending, n, __ATOMIC_SEQ_CST) < TOO_MANY / 2)
		wake_all(&room);
}

struct batch {
	struct rcu_head *rest;
	s32 left; /* of AT_A_TIME */
};

/* Preemption is on between two of them. */
static __always_inline struct batch call_some(struct rcu_head *h, bool traced)
{
	struct batch b = { h, AT_A_TIME };

	do {
		h = b.rest;
		b.rest = h->next;  /* @h may be freed */
		preempt_disable(); /* so that it can't block */
		if (traced)
			tracepoint(rcu_invoke_callback, "rcu_sched", h, h->func);
		h->func(h);
		preempt_enable();
	} while (--b.left && b.rest);
	return b;
}

static noinline struct batch call_traced(struct rcu_head *h) { return call_some(h, true); }

/* This thread's priority is nothing special: a flood starves nobody. */
static void call_all(struct rcu_cpu *c, struct rcu_head *h)
{
	while (h) {
		struct batch b = static_branch_unlikely(&event_rcu_invoke_callback.key) ? call_traced(h)
											: call_some(h, false);

		gone(c, AT_A_TIME - b.left);
		h = b.rest;
	}
}

static struct rcu_head *take_done(u32 cpu)
{
	u64 flags = spin_lock_irqsave(&done_lock);
	struct rcu_head *first = cpu_list(cpu)->done.first;

	cpu_list(cpu)->done.first = NULL;
	done_cpus &= ~(1u << cpu);
	spin_unlock_irqrestore(&done_lock, flags);
	return first;
}

static int call_loop(void *arg)
{
	for (;;) {
		wait_event(&done_queue, READ_ONCE(done_cpus));
		for (u32 cpus = READ_ONCE(done_cpus); cpus; cpus &= cpus - 1) {
			u32 cpu = (u32)__builtin_ctz(cpus);

			call_all(cpu_list(cpu), take_done(cpu));
		}
	}
	return 0;
}

static struct mutex barrier_mutex;
static struct wait_queue barrier_queue;
static u32 barriers; /* still to be reached, and one for who sends them out */

static void barrier_reached(struct rcu_head *head)
{
	if (!__atomic_sub_fetch(&barriers, 1, __ATOMIC_SEQ_CST))
		wake_all(&barrier_queue);
}

/* One on each CPU's list: its callbacks are called in order. */
void rcu_barrier(void)
{
	mutex_lock(&barrier_mutex);
	WRITE_ONCE(barriers, 1);
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		struct rcu_cpu *c = cpu_list((u32)__builtin_ctz(up));

		__atomic_fetch_add(&barriers, 1, __ATOMIC_SEQ_CST);
		enqueue(c, &c->barrier, barrier_reached);
	}
	rcu_request(get_state_synchronize_rcu(), true);
	if (__atomic_sub_fetch(&barriers, 1, __ATOMIC_SEQ_CST))
		wait_event(&barrier_queue, !READ_ONCE(barriers));
	mutex_unlock(&barrier_mutex);
}

s32 rcu_callbacks_pending(u32 cpu) { return READ_ONCE(cpu_list(cpu)->pending); }

void rcu_callbacks_count(u64 *queued, u64 *called)
{
	*queued = *called = 0;
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		u32 cpu = (u32)__builtin_ctz(up);

		*called += READ_ONCE(cpu_list(cpu)->called);
		*queued += READ_ONCE(cpu_list(cpu)->called) + (u64)rcu_callbacks_pending(cpu);
	}
}

int rcu_callbacks_init(void)
{
	wait_queue_init(&done_queue, "rcu_cb");
	wait_queue_init(&room, "call_rcu");
	wait_queue_init(&barrier_queue, "rcu_barrier");
	mutex_init(&barrier_mutex, "rcu_barrier_mutex");
	caller = thread_create("rcu_cb", call_loop, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	return caller ? 0 : -ENOMEM;
}
