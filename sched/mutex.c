/* One word says who owns it; whoever finds it taken waits in the queue. */
#include "sched/mutex.h"

#include "arch/x86/entry/graph.h"
#include "context/lockdep.h"
#include "lib/bug.h"
#include "lib/chaos.h"
#include "lib/debug.h"
#include "sched/thread.h"

void mutex_init(struct mutex *m, const char *name)
{
	m->owner = NULL;
	m->name = name;
	wait_queue_init(&m->waiters, "mutex waiters");
}

static bool try(struct mutex *m)
{
	struct thread *none = NULL;

	return __atomic_compare_exchange_n(&m->owner, &none, current(), false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Trying contradicts no order: it doesn't wait. */
bool mutex_trylock(struct mutex *m)
{
	bool locked = try(m);

	if (debug_enabled() && locked)
		lockdep_mutex_locked(m, m->name, RETURN_ADDRESS());
	return locked;
}

bool mutex_is_mine(const struct mutex *m) { return READ_ONCE(m->owner) == current(); }

void mutex_lock(struct mutex *m)
{
	u64 where = RETURN_ADDRESS();

	BUG_ON(m->owner == current());
	chaos_point();
	if (debug_enabled())
		lockdep_mutex_wait(m->name, where);
	wait_event(&m->waiters, try(m));
	if (debug_enabled())
		lockdep_mutex_locked(m, m->name, where);
}

void mutex_unlock(struct mutex *m)
{
	BUG_ON(m->owner != current());
	if (debug_enabled())
		lockdep_mutex_unlock(m);
	__atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
	chaos_point(); /* free, and nobody told yet */
	wake_one(&m->waiters);
}
