/* Counts references to kernel objects. */
#include "kernel/object.h"

#include "lib/compiler.h"
#include "mm/kmalloc.h"

void object_init(struct object *o, enum object_type type, void (*destroy)(struct object *o))
{
	*o = (struct object){ .type = type, .refs = 1, .destroy = destroy };
}

bool object_try_get(struct object *o)
{
	u32 refs = READ_ONCE(o->refs);

	while (refs && !__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
		;
	return refs;
}

static void free_it(struct rcu_head *head) { kfree(container_of(head, struct object, rcu)); }

/* Release, so that all that others did with it comes before; acquire, so that it does so for who destroys. */
void object_put(struct object *o)
{
	if (!o || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	o->destroy(o);
	call_rcu(&o->rcu, free_it);
}
