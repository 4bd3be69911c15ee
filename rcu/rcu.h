/*
 * RCU's updaters: wait until every reader that could have found the old version is gone, or have a function called then.
 *
 * A grace period ends when each CPU has been, since it began, in a state in which it can have no reader: a context
 * switch, idle, user mode. Readers: context/rcu_read.h. There is no shortcut for one CPU.
 */
#pragma once

#include "lib/types.h"

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

/*
 * Any context that RCU watches, readers and NMI-like ones included. @func(@head) is called after a grace period, by a
 * thread, with preemption off: it must not block. Callbacks queued on one CPU run in order. A caller that may block
 * does, while its CPU has too many callbacks waiting.
 */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

/* Thread context, not in a reader. Returns after a grace period that began after the call. */
void synchronize_rcu(void);
/* The same, faster, by interrupting those CPUs that are neither idle nor in user mode. */
void synchronize_rcu_expedited(void);
/* Thread context. Returns when all callbacks queued before, on all CPUs, have returned. */
void rcu_barrier(void);

/*
 * Polled. Any context that RCU watches: a cookie for "a full grace period from now on". start_ also asks for one.
 * poll_: has it ended? What the caller does after true comes after it. cond_ waits for it: thread context.
 */
u64 get_state_synchronize_rcu(void);
u64 start_poll_synchronize_rcu(void);
bool poll_state_synchronize_rcu(u64 cookie);
void cond_synchronize_rcu(u64 cookie);

/*
 * Thread context. Returns when every thread has blocked, yielded or ended since the call: then none is left inside a
 * trampoline or a detour that could be entered before it, preempted there or not.
 */
void synchronize_rcu_tasks(void);
/* Thread context, preemption on. As good as blocking, for synchronize_rcu_tasks(): the caller is inside nothing. */
void rcu_tasks_qs(void);
/* Thread context. Waits for all rcu_read_lock_trace() readers (context/rcu_trace.h) that began before. */
void synchronize_rcu_tasks_trace(void);

/* Boot, with threads and timers running: starts the grace-period and the callback thread. -ENOMEM. */
int rcu_init(void);

struct rcu_stats {
	u64 grace_periods, expedited, tasks, tasks_trace; /* completed */
	u64 queued, invoked;				  /* callbacks, ever */
	u64 forced; /* CPUs interrupted because they kept a grace period waiting */
	u64 stalls; /* reports */
};
/* Any context. */
void rcu_get_stats(struct rcu_stats *s);
/* ns that a grace period may take before it is reported; file rcu/stall_timeout. */
extern u64 rcu_stall_timeout;
