/* Wait queues: threads that wait for a condition, and whoever makes it true. */
#pragma once

#include "context/spinlock.h"
#include "lib/list.h"
#include "lib/types.h"

struct thread;

struct wait_queue {
	struct spinlock lock;
	struct list_head waiters;
};

struct waiter {
	struct thread *thread;
	struct list_head link; /* empty once woken */
};

/* thread.h and timer.h have what these are. */
void schedule(void);
void schedule_until(u64 deadline);
bool time_after_deadline(u64 deadline);

void wait_queue_init(struct wait_queue *q, const char *name);

/* Queued, and before sleeping: who made it true in between found nobody to wake. */
#ifdef MUTANT_lost_wake
#define LOOK_AGAIN(cond) false
#else
#define LOOK_AGAIN(cond) (cond)
#endif

/*
 * Task context: blocks until @cond; woken by wake_one() or wake_all() after it was made true. Once @cond was
 * true it isn't looked at again: it may have taken something.
 */
/* clang-format off */
#define wait_event(q, cond)                         \
	do {                                        \
		struct waiter _w;                   \
		bool _true = (cond);                \
		while (!_true) {                    \
			wait_prepare(q, &_w);       \
			_true = LOOK_AGAIN(cond);   \
			if (!_true)                 \
				schedule();         \
			wait_finish(q, &_w);        \
			if (!_true)                 \
				_true = (cond);     \
		}                                   \
	} while (0)

/* Task context. The same with an end: true if @cond came true before @deadline (ns of trace_clock). */
#define wait_event_until(q, cond, deadline)                     \
	({                                                      \
		struct waiter _w;                               \
		u64 _until = (deadline);                        \
		bool _true = (cond);                            \
		while (!_true && !time_after_deadline(_until)) {\
			wait_prepare(q, &_w);                   \
			_true = LOOK_AGAIN(cond);               \
			if (!_true)                             \
				schedule_until(_until);         \
			wait_finish(q, &_w);                    \
			if (!_true)                             \
				_true = (cond);                 \
		}                                               \
		_true;                                          \
	})
/* clang-format on */

void wait_prepare(struct wait_queue *q, struct waiter *w);
void wait_finish(struct wait_queue *q, struct waiter *w);
/* Any context but NMI-like. Wakes the one that has waited longest, or all; how many. */
unsigned wake_one(struct wait_queue *q);
unsigned wake_all(struct wait_queue *q);
/* Clears @flag and wakes all, under the queue's lock: when that is free again, @q isn't looked at any more. */
void wake_all_and_clear(struct wait_queue *q, bool *flag);
