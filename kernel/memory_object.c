/* Memory objects behind handles, and who pays for one. */
#include "kernel/memory_object.h"

#include "lib/bug.h"
#include "lib/compiler.h"
#include "mm/kmalloc.h"

static void destroy(struct object *o) { memory_put(container_of(o, struct memory_object, object)->memory); }

struct object *memory_object(struct memory *m)
{
	struct memory_object *o = kzalloc(sizeof(*o));

	if (!o) {
		memory_put(m);
		return NULL;
	}
	object_init(&o->object, OBJECT_MEMORY, destroy);
	o->memory = m;
	return &o->object;
}

/* In this order: who maps it has a reference until it is mapped. */
bool memory_object_alone(const struct object *o)
{
	return __atomic_load_n(&o->refs, __ATOMIC_ACQUIRE) == 2 &&
	       !READ_ONCE(container_of(o, const struct memory_object, object)->memory->mappings);
}

int memory_object_pay(struct object *o, struct account *a)
{
	struct memory *m = container_of(o, struct memory_object, object)->memory;
	const u64 n[NR_ACCOUNT_KINDS] = { [ACCOUNT_PAGES] = memory_cost(m), [ACCOUNT_OBJECTS] = 1 };
	struct account *payer = o->account;
	int err;

	BUG_ON(m->account != payer);
	err = account_move(payer, a, n);
	if (err)
		return err;
	account_get(a);
	account_get(a);
	o->account = m->account = a;
	account_put(payer);
	account_put(payer);
	return 0;
}
