/* Ticket locks: take a number, wait until it is served. */
#include "context/spinlock.h"

#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "lib/bug.h"

void spin_lock(struct spinlock *l)
{
	u32 me = this_cpu(cpu_number) + 1, ticket;

	if (READ_ONCE(l->owner) == me)
		panic("lock %s: this CPU holds it already", l->name);
	preempt_disable();
	ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
	WRITE_ONCE(l->owner, me);
}

static void release(struct spinlock *l)
{
	if (l->owner != this_cpu(cpu_number) + 1)
		panic("lock %s: released by a CPU that doesn't hold it", l->name);
	WRITE_ONCE(l->owner, 0);
	/* Release: what was done under the lock is seen by whoever is served next. */
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

void spin_unlock(struct spinlock *l)
{
	release(l);
	preempt_enable_no_resched(); /* interrupts stay off: nobody may be switched to */
}

u64 spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = local_irq_save();

	spin_lock(l);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	release(l);
	local_irq_restore(flags);
	preempt_enable(); /* what was woken under the lock may run now */
}
