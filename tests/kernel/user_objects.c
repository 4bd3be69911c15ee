/* One of each: made here as the kernel makes them, given away with any rights. */
#include "tests/kernel/user_objects.h"

#include "abi/syscall.h"
#include "kernel/irq_line.h"
#include "kernel/memory_object.h"
#include "kernel/ports.h"
#include "kernel/stream.h"
#include "kernel/syscall_internal.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

#define SCRATCH	    0x3ff /* COM1's scratch register: it keeps what is written */
#define NOBODYS_IRQ 5
#define FILE	    "/sys/kernel/tracing/README"

static void destroy(struct object *o) {}

static struct object *trace_object(void)
{
	struct object *o = kzalloc(sizeof(*o));

	if (o)
		object_init(o, OBJECT_TRACE, destroy);
	return o;
}

static struct object *stream(void)
{
	struct stream *s = stream_create(STREAM_FILE, sizeof(FILE) - 1);

	if (!s)
		return NULL;
	memcpy(s->words, FILE, sizeof(FILE));
	if (stream_start(s) == 0)
		return &s->object;
	object_put(&s->object);
	return NULL;
}

#define OBJECT_OF(make)                        \
	({                                     \
		typeof(make) _made = (make);   \
		_made ? &_made->object : NULL; \
	})

bool user_objects_make(struct user_objects *o)
{
	struct memory *m = memory_create(1);
	bool all = true;

	*o = (struct user_objects){ 0 };
	o->of[OBJECT_PROCESS] = OBJECT_OF(process_create("empty", NULL));
	o->of[OBJECT_ENDPOINT] = OBJECT_OF(endpoint_create());
	o->of[OBJECT_NOTIFICATION] = OBJECT_OF(notification_create());
	o->of[OBJECT_MEMORY] = m ? memory_object(m) : NULL;
	o->of[OBJECT_IRQ] = OBJECT_OF(irq_line_create(NOBODYS_IRQ));
	o->of[OBJECT_PORTS] = OBJECT_OF(ports_create(SCRATCH, 1));
	o->of[OBJECT_TRACE] = trace_object();
	o->of[OBJECT_STREAM] = stream();
	for (unsigned type = OBJECT_PROCESS; type < USER_OBJECTS; type++)
		all &= type == OBJECT_THREAD || o->of[type];
	EXPECT(all);
	if (!all)
		user_objects_drop(o);
	return all;
}

void user_objects_drop(struct user_objects *o)
{
	for (unsigned type = 0; type < USER_OBJECTS; type++) {
		if (o->of[type])
			object_put(o->of[type]);
		o->of[type] = NULL;
	}
}

u64 user_objects_give(const struct user_objects *o, struct user_process *u, enum object_type type, u32 rights)
{
	s64 h = process_give(u->process, o->of[type], rights, 0);

	EXPECT(h > 0);
	return (u64)h;
}

void expect_all_calls(bool *seen, const u8 *without, size_t n)
{
	for (size_t i = 0; i < n; i++)
		seen[without[i]] = true;
	for (unsigned call = 0; call < NR_SYSCALLS; call++)
		if (!seen[call])
			ktest_fail("a system call without a row", (int)call, "its number", call, 0);
}
