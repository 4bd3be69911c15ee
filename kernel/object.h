/*
 * Kernel objects: what handles lead to. Counted; the memory of one that nobody refers to any more goes back after a grace
 * period, so whoever found it with interrupts off may use it until they are on again.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"
#include "mm/account.h"
#include "rcu/rcu.h"

struct handles;

enum object_type {
	OBJECT_PROCESS = 1,
	OBJECT_THREAD,
	OBJECT_ENDPOINT,
	OBJECT_NOTIFICATION,
	OBJECT_MEMORY,
	OBJECT_IRQ,
	OBJECT_PORTS,
	OBJECT_TRACE,
	OBJECT_STREAM,
};

struct object {
	enum object_type type;
	u32 refs;
	/* NULL is allowed, both. A handle with these rights has come to be, with a spinlock held; and is gone, in thread context. */
	void (*opened)(struct object *o, u32 rights);
	void (*closed)(struct object *o, u32 rights);
	/* NULL is allowed. The process of these handles, of which one is of this object, is no more; thread context. */
	void (*abandoned)(struct object *o, const struct handles *by);
	/* The last reference is gone: all but the memory itself goes back; thread context. */
	void (*destroy)(struct object *o);
	/* Who pays for it, with a reference, and for what beside: until its memory goes back. NULL: nobody. */
	struct account *account;
	u32 pages, threads;
	struct rcu_head rcu;
};

/* With one reference; the object stands first in what it is a part of, which kfree() takes back. */
void object_init(struct object *o, enum object_type type, void (*destroy)(struct object *o));
/* Thread context, at most once. @a pays for it, and for so much of what belongs to it. -ENOMEM: that is more than it may have. */
int object_charge(struct object *o, struct account *a, u32 pages, u32 threads);
/* By one thread only, which has a reference. Whoever pays for it pays for so many pages more, as long. -ENOMEM. */
int object_charge_more(struct object *o, u32 pages);
/* Any context. */
static inline void object_get(struct object *o) { __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED); }
/* Any context, interrupts off since it was found. False: the last reference has just gone. */
static inline bool object_try_get(struct object *o)
{
	u32 refs = READ_ONCE(o->refs);

	while (refs && !__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
		;
	return refs;
}
/* Thread context, no spinlock held. NULL is allowed. */
void object_put(struct object *o);
