/* Mutexes: for what may block. Owned by a thread; not for interrupt handlers. */
#pragma once

#include "sched/wait.h"

struct mutex {
	struct thread *owner;
	const char *name; /* its class, to lockdep */
	struct wait_queue waiters;
};

void mutex_init(struct mutex *m, const char *name);
/* Thread context. Panics when the caller holds it already. */
void mutex_lock(struct mutex *m);
bool mutex_trylock(struct mutex *m);
/* Thread context. Does the caller hold it? */
bool mutex_is_mine(const struct mutex *m);
/*
 * Panics when the caller doesn't hold it. It looks at @m once more when that is free already: who gets it then
 * mustn't free its memory.
 */
void mutex_unlock(struct mutex *m);
