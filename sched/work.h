/* Deferred work: a function called later by a thread, where it may sleep, allocate and wait for other CPUs. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct work {
	void (*fn)(struct work *w);
	/* work.c's own. */
	struct work *next;
	u32 state;
};

#define WORK_INIT(f)      \
	{                 \
		.fn = (f) \
	}
#define WORK(name, f) struct work name = WORK_INIT(f)

/*
 * Any context, NMI and int3 included. The thread "kworker" will call @w->fn(@w) once, preemption and interrupts on,
 * after what was scheduled before. False: it is pending already. The function may schedule its work again, and may
 * free it. What the caller wrote before is seen by the function, even when this says false.
 */
bool schedule_work(struct work *w);
/*
 * Thread context, not from a work's function (panics). Returns when what was scheduled of @w by now has run and
 * returned; false when there was nothing to wait for.
 */
bool flush_work(struct work *w);
/* Any context. True: it was pending and won't run. It is still the thread's until flush_work() or cancel_work_sync(). */
bool cancel_work(struct work *w);
/* As flush_work(), but what is pending doesn't run. Afterwards @w may be freed, unless somebody schedules it again. */
bool cancel_work_sync(struct work *w);

/* Boot, with threads: starts the thread. -ENOMEM. Works scheduled before it run then. */
int work_init(void);
