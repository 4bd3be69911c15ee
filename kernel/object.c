/* Counts references to kernel objects. */
#include "kernel/object.h"

#include "lib/compiler.h"
#include "mm/kmalloc.h"

void object_init(struct object *o, enum object_type type, void (*destroy)(struct object *o))
{
	*o = (struct object){ .type = type, .refs = 1, .destroy = destroy };
}

/* All of it, or none. */
static int charge(struct account *a, u32 pages, u32 threads)
{
	int err = account_charge(a, ACCOUNT_OBJECTS, 1);

	if (err)
		return err;
	err = account_charge(a, ACCOUNT_PAGES, pages);
	if (!err) {
		err = account_charge(a, ACCOUNT_THREADS, threads);
		if (!err)
			return 0;
		account_uncharge(a, ACCOUNT_PAGES, pages);
	}
	account_uncharge(a, ACCOUNT_OBJECTS, 1);
	return err;
}

int object_charge(struct object *o, struct account *a, u32 pages, u32 threads)
{
	int err = a ? charge(a, pages, threads) : 0;

	if (err || !a)
		return err;
	account_get(a);
	o->account = a;
	o->pages = pages;
	o->threads = threads;
	return 0;
}

int object_charge_more(struct object *o, u32 pages)
{
	int err = account_charge(o->account, ACCOUNT_PAGES, pages);

	if (!err && o->account)
		o->pages += pages;
	return err;
}

/* Only now: what waits for its grace period is memory that somebody has used. */
static void free_it(struct rcu_head *head)
{
	struct object *o = container_of(head, struct object, rcu);
	struct account *a = o->account;

	account_uncharge(a, ACCOUNT_THREADS, o->threads);
	account_uncharge(a, ACCOUNT_PAGES, o->pages);
	account_uncharge(a, ACCOUNT_OBJECTS, 1);
	kfree(o);
	account_put(a);
}

/* Release, so that all that others did with it comes before; acquire, so that it does so for who destroys. */
void object_put(struct object *o)
{
	if (!o || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	o->destroy(o);
	call_rcu(&o->rcu, free_it);
}
