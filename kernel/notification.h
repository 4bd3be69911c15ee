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
/* Any context but NMI-like. */
void notification_signal(struct notification *n, u64 bits);
/* Any context. What was set, and is so no more. */
u64 notification_take(struct notification *n);
/* Thread context. Blocks until one is set: 0 and *@bits. -ETIMEDOUT: not until @deadline (ns of trace_clock()); -EINTR: the thread is to end. */
int notification_wait(struct notification *n, u64 deadline, u64 *bits);
