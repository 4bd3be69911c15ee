/* Ticket locks: take a number, wait until it is served. */
#include "context/spinlock.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/graph.h"
#include "context/context.h"
#include "context/lockdep.h"
#include "lib/bug.h"
#include "lib/chaos.h"
#include "lib/debug.h"

/*
 * Before waiting, so that a report comes before the deadlock it is about. Hands @l back, so that the way
 * without checks needn't keep it in a register that must be saved.
 */
static noinline struct spinlock *check_lock(struct spinlock *l, u64 where)
{
	if (READ_ONCE(l->owner) == this_cpu(cpu_number) + 1)
		panic("lock %s: this CPU holds it already, and takes it again at %pS", l->name,
		      (void *)where);
	lockdep_spin_lock(l, l->name, where);
	return l;
}

static noinline struct spinlock *check_unlock(struct spinlock *l)
{
	if (l->owner != this_cpu(cpu_number) + 1)
		panic("lock %s: released by a CPU that doesn't hold it", l->name);
	if (!preempt_depth())
		panic("lock %s: released with preemption on: somebody has enabled it once too often",
		      l->name);
	lockdep_spin_unlock(l);
	return l;
}

static __always_inline void acquire(struct spinlock *l, const u64 *slot)
{
	u32 ticket;

	if (debug_enabled())
		l = check_lock(l, graph_original(slot));
	preempt_disable();
	ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
	WRITE_ONCE(l->owner, this_cpu(cpu_number) + 1);
}

static __always_inline void release(struct spinlock *l)
{
	if (debug_enabled())
		l = check_unlock(l);
	WRITE_ONCE(l->owner, 0);
	/* Release: what was done under the lock is seen by whoever is served next. */
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

void spin_lock(struct spinlock *l)
{
	acquire(l, RETURN_SLOT());
	chaos_point(); /* let the others wait */
}

void spin_unlock(struct spinlock *l)
{
	release(l);
	preempt_enable_no_resched(); /* interrupts stay off: nobody may be switched to */
}

u64 spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = local_irq_save();

	acquire(l, RETURN_SLOT());
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	release(l);
	local_irq_restore(flags);
	preempt_enable(); /* what was woken under the lock may run now */
	chaos_point();
}
