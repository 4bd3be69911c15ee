/* Waiting and waking, with the one race that matters closed: a wake between the test and the sleep. */
#include "sched/wait.h"

#include "lib/chaos.h"
#include "sched/thread.h"

void wait_queue_init(struct wait_queue *q, const char *name)
{
	q->lock = (struct spinlock){ .name = name };
	list_init(&q->waiters);
}

/*
 * Queued and marked blocked before the condition is tested again: a waker who makes it true after
 * that test finds us in the queue, and its wake makes schedule() return at once.
 */
void wait_prepare(struct wait_queue *q, struct waiter *w)
{
	u64 flags;

	chaos_point(); /* the wake that comes just now */
	flags = spin_lock_irqsave(&q->lock);
	w->thread = current();
	list_add_tail(&w->link, &q->waiters);
	__atomic_store_n(&w->thread->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_finish(struct wait_queue *q, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	list_del(&w->link); /* harmless if the waker has done it */
	__atomic_store_n(&w->thread->state, THREAD_RUNNABLE, __ATOMIC_SEQ_CST);
	spin_unlock_irqrestore(&q->lock, flags);
}

static unsigned wake_locked(struct wait_queue *q, unsigned max)
{
	unsigned n = 0;

	while (n < max && !list_empty(&q->waiters)) {
		struct waiter *w = list_entry(q->waiters.next, struct waiter, link);

		/* Off the queue under its lock: afterwards the waiter's stack may be gone. */
		list_del(&w->link);
		thread_wake(w->thread);
		n++;
	}
	return n;
}

static unsigned wake(struct wait_queue *q, unsigned max)
{
	u64 flags = spin_lock_irqsave(&q->lock);
	unsigned n = wake_locked(q, max);

	spin_unlock_irqrestore(&q->lock, flags);
	return n;
}

void wake_all_and_clear(struct wait_queue *q, bool *flag)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	__atomic_store_n(flag, false, __ATOMIC_RELEASE);
	wake_locked(q, ~0u);
	spin_unlock_irqrestore(&q->lock, flags);
}

unsigned wake_one(struct wait_queue *q) { return wake(q, 1); }
unsigned wake_all(struct wait_queue *q) { return wake(q, ~0u); }
