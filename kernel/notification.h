/*
 * Notifications: 64 bits that anyone with the right sets, and who waits takes all of them at once. No message, no partner:
 * setting one doesn't wait. Interrupts arrive so, too.
 */
#pragma once

#include "kernel/object.h"
#include "lib/types.h"
#include "sched/wait.h"

struct endpoint;

struct notification {
	struct object object;
	u64 bits;
	struct wait_queue waiters;
	struct endpoint
		*endpoint; /* whose receivers are told, too; NULL: none. Never changes but once, from NULL */
};

/* Thread context. With one reference; NULL: no memory. */
struct notification *notification_create(void);
static __always_inline bool notification_waited_for(const struct notification *n)
{
	return READ_ONCE(n->waiters.waiters.next) != &n->waiters.waiters;
}
/* Any context. True: somebody is to be told. A full barrier between: who comes to wait says so, and then looks. */
static __always_inline bool notification_set(struct notification *n, u64 bits)
{
	__atomic_fetch_or(&n->bits, bits, __ATOMIC_SEQ_CST);
	return notification_waited_for(n) || READ_ONCE(n->endpoint);
}
/* Any context but NMI-like, interrupts off since @n was found. Who waits, here or at the endpoint. */
void notification_tell(struct notification *n);
/* Any context but NMI-like. Both. */
void notification_signal(struct notification *n, u64 bits);
/* Any context. What was set, and is so no more. */
u64 notification_take(struct notification *n);
/* Thread context. Blocks until one is set: 0 and *@bits. -ETIMEDOUT: not until @deadline (ns of trace_clock()); -EINTR: the thread is to end. */
int notification_wait(struct notification *n, u64 deadline, u64 *bits);
