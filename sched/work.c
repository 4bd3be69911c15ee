/* One thread, one list: the oldest first, one at a time. */
#include "sched/work.h"

#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "context/irq_work.h"
#include "lib/bug.h"
#include "sched/thread.h"

enum { WORK_IDLE, WORK_PENDING, WORK_CANCELLED }; /* cancelled: on the list, to be passed over */

static struct work *scheduled; /* the newest first */
static struct work *running;   /* only ever compared: it may be freed by now */
static struct thread *worker;
static struct wait_queue wanted, flushed;

static void wake_worker(struct irq_work *w)
{
	if (READ_ONCE(worker))
		wake_one(&wanted);
}

/* Each CPU its own: one that is pending on a CPU with interrupts off must not keep the others from waking. */
static DEFINE_PER_CPU(struct irq_work, waker) = IRQ_WORK_INIT(wake_worker);

/* False: it is on the list already. One that was cancelled there comes back to life in its place. */
static __always_inline bool claim(struct work *w, bool *on_list)
{
	for (;;) {
		u32 old = WORK_IDLE;

		*on_list = false;
		if (__atomic_compare_exchange_n(&w->state, &old, WORK_PENDING, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
		*on_list = true;
		if (old == WORK_PENDING)
			return false;
		if (__atomic_compare_exchange_n(&w->state, &old, WORK_PENDING, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
	}
}

/* Claimed, then linked: hidden from probes as in context/irq_work.c. */
static __kprobes bool push(struct work *w)
{
	struct work *head = READ_ONCE(scheduled);
	bool on_list, mine = claim(w, &on_list);

	if (on_list)
		return mine;
	do {
		w->next = head;
	} while (!__atomic_compare_exchange_n(&scheduled, &head, w, false, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	return true;
}

bool schedule_work(struct work *w)
{
	u64 flags = local_irq_save(); /* it stays this CPU's waker */
	bool mine = push(w);

	irq_work_queue(this_cpu_ptr(waker));
	local_irq_restore(flags);
	return mine;
}

static struct work *take_all(void)
{
	struct work *w = __atomic_exchange_n(&scheduled, NULL, __ATOMIC_ACQUIRE), *oldest = NULL;

	while (w) {
		struct work *next = w->next;

		w->next = oldest;
		oldest = w;
		w = next;
	}
	return oldest;
}

static void run(struct work *w)
{
	/* In this order: whoever sees it no longer pending sees it running, until it is neither. */
	__atomic_store_n(&running, w, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&w->state, WORK_IDLE, __ATOMIC_SEQ_CST) == WORK_PENDING)
		w->fn(w);
	__atomic_store_n(&running, NULL, __ATOMIC_SEQ_CST);
}

static int work_loop(void *arg)
{
	for (;;) {
		struct work *w;

		wait_event(&wanted, READ_ONCE(scheduled));
		w = take_all();
		while (w) {
			struct work *next = w->next;

			run(w);
			w = next;
		}
	}
	return 0;
}

/* A work that comes after all others, on its waiter's stack. */
struct flush {
	struct work work;
	bool waiting;
};

static void flush_reached(struct work *w)
{
	wake_all_and_clear(&flushed, &container_of(w, struct flush, work)->waiting);
}

bool flush_work(struct work *w)
{
	struct flush f = { .work = WORK_INIT(flush_reached), .waiting = true };

	if (current() == worker)
		panic("flush_work: called by a work: it would wait for itself");
	if (__atomic_load_n(&w->state, __ATOMIC_SEQ_CST) == WORK_IDLE &&
	    __atomic_load_n(&running, __ATOMIC_SEQ_CST) != w)
		return false;
	schedule_work(&f.work);
	wait_event(&flushed, !__atomic_load_n(&f.waiting, __ATOMIC_ACQUIRE));
	return true;
}

bool cancel_work(struct work *w)
{
	u32 old = WORK_PENDING;

	return __atomic_compare_exchange_n(&w->state, &old, WORK_CANCELLED, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

bool cancel_work_sync(struct work *w)
{
	bool pending = cancel_work(w);

	flush_work(w);
	return pending;
}

int work_init(void)
{
	wait_queue_init(&wanted, "kworker");
	wait_queue_init(&flushed, "flush_work");
	worker = thread_create("kworker", work_loop, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	if (!worker)
		return -ENOMEM;
	wake_one(&wanted); /* it may have slept before wake_worker() knew it */
	return 0;
}
