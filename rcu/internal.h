/* What RCU's files share: requests, callbacks taken and handed over, CPUs waited for, and reports of those that don't come. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"
#include "rcu/rcu.h"
#include "sched/timer.h"

/* For the grace-period numbers of this folder: odd while one is in progress. Which one will do for who asks now? */
static inline u64 rcu_seq_after(u64 now) { return (now + 3) & ~1ull; }
/* The barrier: what the caller took out before is out before that one begins (tests/model has what happens without it). */
static inline u64 rcu_seq_snap(const u64 *seq)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return rcu_seq_after(__atomic_load_n(seq, __ATOMIC_SEQ_CST));
}

/* gp.c. Any context. Somebody waits for grace period @seq; @hurry: nobody else is to be waited for before it begins. */
void rcu_request(u64 seq, bool hurry);
/* Three of these: the grace period's own, the highest that has been requested, and that for which the thread is awake. */
extern u64 rcu_gp_seq, rcu_gp_wanted, rcu_gp_due;
/* Is this context a thread that may block, and not one that RCU needs for going on? */
bool rcu_may_block(void);

/* callback.c. The grace-period thread: all that is queued will be run after the grace period that begins now. */
void rcu_callbacks_take(void);
/* That one has ended. */
void rcu_callbacks_done(void);
/* Queued or waiting, on CPU @cpu. */
s32 rcu_callbacks_pending(u32 cpu);
void rcu_callbacks_count(u64 *queued, u64 *called);
int rcu_callbacks_init(void);

/* quiescent.c. The CPUs that a grace period waits for, and what they showed when it began. */
struct rcu_wait {
	const char *flavour;
	u32 cpus;
	u64 counter[NR_CPUS], switches[NR_CPUS];
	u64 begun, report_at; /* ns; 0: nobody waits */
	struct timer timer;
};
/* Thread context, not in a reader. Returns when each CPU has been in a quiescent state; at once, if there's one only. */
void rcu_wait_for_cpus(struct rcu_wait *w, bool expedited);
/* Looks again; those still waited for. */
u32 rcu_still_waiting(struct rcu_wait *w);
extern u64 rcu_forced;

/* stall.c. From the first look in vain, at the latest, to the end of the wait. Thread context. */
void rcu_stall_begin(struct rcu_wait *w);
void rcu_stall_end(struct rcu_wait *w);
/* Any context but NMI-like. Is it time for a report? */
void rcu_stall_check(struct rcu_wait *w);
/* The same, from somebody who waits for the grace-period thread. */
void rcu_stall_check_gp(void);
extern u64 rcu_stalls;
/* gp.c: the normal grace period's; and its thread. */
extern struct rcu_wait rcu_gp_wait;
extern struct thread *rcu_gp_thread;

/* Completed, each flavour. */
extern u64 rcu_expedited_done, rcu_tasks_done, rcu_tasks_trace_done;
void rcu_expedited_init(void);
void rcu_tasks_init(void);
void rcu_tasks_trace_init(void);
