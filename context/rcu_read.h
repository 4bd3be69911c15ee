/*
 * RCU's read side: readers run with preemption off, and that is all (the sched flavour).
 *
 * A reader may be in any context in which RCU is watching (context/watch.h): thread, interrupt, NMI, int3. It must not
 * block. What it finds through rcu_dereference() stays until its rcu_read_unlock(). Updaters: rcu/rcu.h.
 *
 * With the key rcu_check on (file rcu/check, or "debug"), wrong use is reported once for each place, and survived.
 */
#pragma once

#include "context/context.h"
#include "context/watch.h"
#include "lib/static_key.h"

extern struct static_key rcu_check_key;
static __always_inline bool rcu_checked(void) { return static_branch_unlikely(&rcu_check_key); }

/* Depth of the readers on this CPU, counted while the key is on; a grace period later none is missing, and it is armed. */
DECLARE_PER_CPU(u32, rcu_readers);
extern bool rcu_check_armed;

/* rcu_check.c's. Any context, RCU watching or not. Each reports what is wrong, once for each calling place. */
void rcu_check_lock(void);
/* False: this unlock has no lock, so it must not be carried out. */
bool rcu_check_unlock(void);
/* @held: the caller's own reason why it may look, beside being a reader. */
void rcu_check_dereference(bool held);
/* Before a call_rcu() by @where. */
void rcu_check_call(u64 where);

/* Task context. A reader blocks all the same: reports it, key or not, and leaves it. The depth that it had. */
u32 rcu_check_block(u64 where, const char *what);
/* Afterwards, on whatever CPU. */
void rcu_check_go_on(u32 depth);
/* Hardirq context. Calls @fn, and sees to it that the readers afterwards are those that it has interrupted. */
void rcu_check_handler(void (*fn)(void));

/* Since the key was last switched on. */
extern u32 rcu_check_reports;
void rcu_check_forget(void);

/* Any context that RCU watches; nests. */
static __always_inline void rcu_read_lock(void)
{
	preempt_disable();
	if (rcu_checked())
		rcu_check_lock();
}
static __always_inline void rcu_read_unlock(void)
{
	if (rcu_checked() && !rcu_check_unlock())
		return;
	preempt_enable();
}

/*
 * A pointer that updaters change. Reader: rcu_dereference(); the CPU orders a load before those that depend on it. An
 * updater who keeps others out by @held: rcu_dereference_protected(). Whoever only compares it: rcu_access_pointer().
 */
/* clang-format off */
#define rcu_dereference(p) rcu_dereference_check(p, false)
#define rcu_dereference_check(p, held)                  \
	({                                              \
		if (rcu_checked())                      \
			rcu_check_dereference(held);    \
		READ_ONCE(p);                           \
	})
#define rcu_dereference_protected(p, held)                              \
	({                                                              \
		if (rcu_checked() && !(held))                           \
			rcu_check_dereference(false);                   \
		READ_ONCE(p);                                           \
	})
#define rcu_access_pointer(p) READ_ONCE(p)
/* Release: whoever finds @v through @p finds what was written into it before. */
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
/* clang-format on */
