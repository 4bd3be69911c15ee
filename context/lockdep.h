/*
 * Lock order, watched while "debug" is on: whoever takes B while he holds A says that A comes before
 * B. When somebody does it the other way round, the two may one day wait for each other for ever; that
 * is reported now, though it went well this time.
 *
 * Locks with one name are one class, and order is between classes. Each wrong order is reported once,
 * with the chain of locks that was seen before and the one that contradicts it; then everything goes on.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"

#define LOCKDEP_MAX_HELD 8

struct held_lock {
	const void *lock;
	u64 where; /* the instruction after the call that took it */
	u32 class;
};

/* What is held, in the order it was taken: spinlocks by a CPU, mutexes by a thread. */
struct held_locks {
	u32 generation; /* what was noted when debug was on before, or before a reset, is stale */
	u32 n;
	struct held_lock held[LOCKDEP_MAX_HELD];
};

/* sched/'s. The mutexes of the thread that runs here; NULL before there are threads. */
struct held_locks *thread_locks(void);

/*
 * Before waiting for spinlock @lock of class @name, interrupts off; any context, though in NMI-like ones
 * that itself is reported. @where: the caller, for reports.
 */
void lockdep_spin_lock(const void *lock, const char *name, u64 where);
void lockdep_spin_unlock(const void *lock);

/* Task context. Before a mutex is waited for: may this thread sleep, and is the order right? */
void lockdep_mutex_wait(const char *name, u64 where);
/* Once it is taken, by waiting or not. */
void lockdep_mutex_locked(const void *lock, const char *name, u64 where);
void lockdep_mutex_unlock(const void *lock);
/* Task context. The thread ends: with nothing held? */
void lockdep_thread_exit(u64 where);

/* Reports so far. */
extern u32 lockdep_reports;
