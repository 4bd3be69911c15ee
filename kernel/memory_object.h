/* Memory as what handles lead to: mm/ knows nothing of objects, and a mapping has a reference to the memory itself. */
#pragma once

#include "kernel/object.h"
#include "mm/memory.h"

struct memory_object {
	struct object object;
	struct memory *memory;
};

/* Thread context. An object for @m, in the place of its reference; NULL, and that is gone: no memory. */
struct object *memory_object(struct memory *m);
/*
 * Any context. Is it one handle's alone, which was taken before all CPUs last answered, and the caller's, who has a reference; and
 * is its memory mapped nowhere? Then that stays.
 */
bool memory_object_alone(const struct object *o);
/*
 * Task context, of one that is the caller's alone, perhaps with a spinlock held: from now on @a pays for it and for its memory, and who did doesn't.
 * -ENOMEM: that is more than @a may have, and nothing has changed.
 */
int memory_object_pay(struct object *o, struct account *a);
