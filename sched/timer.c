/* Each CPU's timers in a list ordered by time, and one hardware timer set to the first. */
#include "sched/timer.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/spinlock.h"
#include "lib/chaos.h"
#include "lib/tracepoint.h"
#include "sched/internal.h"
#include "sched/thread.h"
#include "trace/clock.h"

struct timer_queue {
	struct spinlock lock;
	struct list_head timers;
	struct timer *running; /* its function is, now */
};
static DEFINE_PER_CPU(struct timer_queue, timer_queue);

void timer_init_cpu(void)
{
	struct timer_queue *q = this_cpu_ptr(timer_queue);

	q->lock = (struct spinlock)SPINLOCK_INIT(timer_queue);
	list_init(&q->timers);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
	t->cpu = this_cpu(cpu_number);
	list_init(&t->link);
}

/* Interrupts off. The hardware is one-shot: it must always be set to the first thing due. */
void timer_reprogram(struct run_queue *rq)
{
	struct timer_queue *q = this_cpu_ptr(timer_queue);
	u64 first = ~0ull, now;

	/* Lower ones wait however long it takes; only an equal gets its turn. */
	if (!need_resched() && !list_empty(&rq->queues[current()->priority]))
		first = current()->slice_end;
	spin_lock(&q->lock);
	if (!list_empty(&q->timers))
		first = min(first, list_entry(q->timers.next, struct timer, link)->expires);
	spin_unlock(&q->lock);
	if (first == ~0ull) {
		apic_timer_stop();
		return;
	}
	now = trace_clock();
	apic_timer_set(first > now ? first - now : 0);
}

static void reprogram(void)
{
	struct run_queue *rq = this_cpu_ptr(run_queue);

	spin_lock(&rq->lock);
	timer_reprogram(rq);
	spin_unlock(&rq->lock);
}

static void insert(struct timer_queue *q, struct timer *t)
{
	struct list_head *at = q->timers.next;

	while (at != &q->timers && list_entry(at, struct timer, link)->expires <= t->expires)
		at = at->next;
	list_add_tail(&t->link, at); /* before the first later one */
}

static struct timer_queue *queue_of(u32 cpu) { return per_cpu_ptr(timer_queue, cpu); }

/* True: its function ran on another CPU just then, and has returned. */
static bool take_back(struct timer *t, bool *pending)
{
	struct timer_queue *q = queue_of(READ_ONCE(t->cpu));
	u64 flags = spin_lock_irqsave(&q->lock);
	bool runs = q->running == t && q != this_cpu_ptr(timer_queue);

	*pending |= !list_empty(&t->link);
	list_del(&t->link);
	spin_unlock_irqrestore(&q->lock, flags);
	while (runs && READ_ONCE(q->running) == t)
		cpu_relax();
	return runs;
}

bool timer_cancel(struct timer *t)
{
	bool pending = false;

	while (take_back(t, &pending))
		; /* it may have set itself again */
	return pending;
}

void timer_set(struct timer *t, u64 expires)
{
	u64 flags;
	struct timer_queue *q;

	timer_cancel(t); /* it may be pending on another CPU */
	flags = local_irq_save();
	q = this_cpu_ptr(timer_queue);
	t->cpu = this_cpu(cpu_number);
	t->expires = expires;
	spin_lock(&q->lock);
	insert(q, t);
	spin_unlock(&q->lock);
	reprogram();
	local_irq_restore(flags);
}

/* The functions run without the lock, since they may set timers again. */
static void run_due(struct timer_queue *q, u64 now)
{
	for (;;) {
		struct timer *t = NULL;

		spin_lock(&q->lock);
		if (!list_empty(&q->timers))
			t = list_entry(q->timers.next, struct timer, link);
		if (t && t->expires <= now)
			list_del(&t->link);
		else
			t = NULL;
		WRITE_ONCE(q->running, t);
		spin_unlock(&q->lock);
		if (!t)
			return;
		tracepoint(timer_expire_entry, t, now, t->fn, t->expires);
		t->fn(t);
	}
}

void timer_interrupt(void)
{
	u64 now = trace_clock();

	run_due(this_cpu_ptr(timer_queue), now);
	sched_tick(now);
	reprogram();
}

struct sleeper {
	struct timer timer;
	struct thread *thread;
};

static void wake_sleeper(struct timer *t) { thread_wake(container_of(t, struct sleeper, timer)->thread); }

bool time_after_deadline(u64 deadline) { return deadline != ~0ul && trace_clock() >= deadline; }

/* The state is THREAD_BLOCKED already, so a timer that fires before schedule() makes that return at once. */
void schedule_until(u64 deadline)
{
	struct sleeper s = { .thread = current() };

	if (deadline == ~0ul) {
		schedule();
		return;
	}
	timer_init(&s.timer, wake_sleeper);
	timer_set(&s.timer, deadline);
	chaos_point(); /* it may have fired already */
	schedule();
	timer_cancel(&s.timer);
}

void sleep_ns(u64 ns)
{
	u64 deadline = trace_clock() + ns;

	while (!time_after_deadline(deadline)) {
		__atomic_store_n(&current()->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
		schedule_until(deadline);
	}
}
