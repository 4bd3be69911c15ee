/* One word says who owns it; whoever finds it taken waits in the queue. */
#include "sched/mutex.h"

#include "lib/bug.h"
#include "sched/thread.h"

void mutex_init(struct mutex *m, const char *name)
{
	m->owner = NULL;
	wait_queue_init(&m->waiters, name);
}

bool mutex_trylock(struct mutex *m)
{
	struct thread *none = NULL;

	return __atomic_compare_exchange_n(&m->owner, &none, current(), false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *m)
{
	BUG_ON(m->owner == current());
	wait_event(&m->waiters, mutex_trylock(m));
}

void mutex_unlock(struct mutex *m)
{
	BUG_ON(m->owner != current());
	__atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
	wake_one(&m->waiters);
}
