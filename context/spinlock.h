/*
 * Spinlocks, taken with interrupts off and preemption disabled: whoever holds one can't be
 * interrupted by anyone on this CPU who wants it.
 *
 * Tickets, so that waiters get it in the order they came. Not for NMI-like contexts: those
 * interrupt holders.
 */
#pragma once

#include "arch/x86/entry/syscall.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct spinlock {
	u32 next, serving; /* tickets: free when equal */
	u32 owner;	   /* CPU number + 1 while held */
	const char *name;  /* its class, to lockdep */
};

static_assert(offsetof(struct spinlock, serving) == SPINLOCK_SERVING, "syscall.asm releases a lock");

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

/*
 * Interrupts off, and until it is released; "debug" off, as no checks are made. Takes the lock if that needn't wait; the context word
 * isn't changed. It is released by one instruction, in assembly or here.
 */
static __always_inline bool spin_trylock_bare(struct spinlock *l)
{
	u32 ticket =
		READ_ONCE(l->serving); /* the next one is never less, and when it is this, the lock is free */

	return __atomic_compare_exchange_n(&l->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}
static __always_inline void spin_unlock_bare(struct spinlock *l)
{
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}
