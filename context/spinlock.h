/*
 * Spinlocks, taken with interrupts off and preemption disabled: whoever holds one can't be
 * interrupted by anyone on this CPU who wants it.
 *
 * Tickets, so that waiters get it in the order they came. Not for NMI-like contexts: those
 * interrupt holders.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct spinlock {
	u32 next, serving; /* tickets: free when equal */
	u32 owner;	   /* CPU number + 1 while held */
	const char *name;  /* its class, to lockdep */
};

#define SPINLOCK_INIT(n)   \
	{                  \
		.name = #n \
	}
#define SPINLOCK(n) struct spinlock n = SPINLOCK_INIT(n)

/*
 * Task or hardirq context. Returns the interrupt flag to give back. With "debug" on it panics on a lock
 * this CPU holds already, which otherwise waits for ever, and the order of locks is watched (lockdep.h).
 */
u64 spin_lock_irqsave(struct spinlock *l);
/* With "debug" on it panics when this CPU doesn't hold it, or has preemption on. */
void spin_unlock_irqrestore(struct spinlock *l, u64 flags);
/* The same when interrupts are off already. */
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
