/* What becomes of each line in lib/trace_events.h: a record, a table of its fields, a printer, a recorder, an event. */
#include "abi/syscall.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/event_record.h"
#include "trace/stack.h"

/* clang-format off */
#define IS_SIGNED(type) ((type)-1 < (type)1)

#define MEMBER(type, name)	    type name;
#define MEMBER_COMM(name)	    char name[COMM_SIZE];
#define MEMBER_STRING(name, size)   char name[size];
#define DESCRIBE(type, name)	    { #type, #name, offsetof(record, f.name), sizeof(type), IS_SIGNED(type), false, false, 0 },
#define DESCRIBE_COMM(name)	    DESCRIBE_STRING(name, COMM_SIZE)
#define DESCRIBE_STRING(name, size) { "char", #name, offsetof(record, f.name), size, true, true, false, 0 },
#define STORE(type, name)	    f->name = name;
#define STORE_COMM(name)	    __builtin_memcpy(f->name, name, COMM_SIZE);
#define STORE_STRING(name, size)    strscpy(f->name, name, size);

#define TRACE_EVENT(sys, n, ...) ID_##n,
enum {
	ID_BEFORE = FIRST_EVENT_ID - 1,
#include "lib/trace_events.h"
	ID_AFTER
};
#undef TRACE_EVENT

/* Of this system's events all come in interrupts, so event_try() would never do. */
#define in_interrupts(sys) (__builtin_strcmp(sys, "irq") == 0)

/* In "print fmt" the names stand as a list (ftrace/event_files.c); a number without a name is printed as one, as on Linux. */
#define __print_symbolic(value, names) \
	((u64)(value) < ARRAY_SIZE(names) ? names[value] : (snprintf(number, sizeof(number), "0x%lx", (u64)(value)), number))

/*
 * Recorders are notrace: the event is about who hit the tracepoint. Their first argument is there as there must be one before
 * a comma.
 */
#define TRACE_EVENT(sys, n, ...)                                                                              \
	struct fields_##n { FIELDS_##n(MEMBER, MEMBER_COMM, MEMBER_STRING) };                                 \
	struct whole_##n { struct trace_entry common; struct fields_##n f; };                                 \
	static_assert(sizeof(struct whole_##n) <= RING_SMALL_MAX, "it must fit a small record");              \
	static const struct event_field *describe_##n(const struct event *e)                                  \
	{                                                                                                     \
		typedef struct whole_##n record;                                                              \
		static const struct event_field t[] = { FIELDS_##n(DESCRIBE, DESCRIBE_COMM, DESCRIBE_STRING) {} }; \
		return t;                                                                                     \
	}                                                                                                     \
	static void print_##n(struct seq *out, const struct event *e, const void *fields)                      \
	{                                                                                                     \
		const struct fields_##n *REC = fields;                                                        \
		char number[20] __unused;                                                                     \
		seq_printf(out, __VA_ARGS__);                                                                 \
	}                                                                                                     \
	notrace void record_##n(void *unused FIELDS_##n(PASS_FIELD, PASS_COMM, PASS_STRING))               \
	{                                                                                                     \
		struct whole_##n local;                                                                       \
		struct ring_cpu *ring = NULL;                                                                 \
		u32 word = context_read();                                                                    \
		struct fields_##n *f = NULL;                                                                  \
		if (!in_interrupts(#sys))                                                                     \
			f = event_try(&event_##n, ID_##n, sizeof(local), word, &ring);                        \
		if (unlikely(!f))                                                                             \
			f = &local.f;                                                                         \
		FIELDS_##n(STORE, STORE_COMM, STORE_STRING)                                                   \
		if (likely(f != &local.f))                                                                    \
			event_done(ring);                                                                     \
		else                                                                                          \
			event_record_other(&event_##n, &local.common, sizeof(*f), word, ring);                \
	}                                                                                                     \
	struct event event_##n = { .system = #sys, .name = #n, .id = ID_##n, .print_fmt = #__VA_ARGS__,       \
				   .fields = describe_##n, .print = print_##n };

#include "lib/trace_events.h"
#undef TRACE_EVENT

#define TRACE_EVENT(sys, n, ...) &event_##n,
static struct event *const built_in[] = {
#include "lib/trace_events.h"
};
/* clang-format on */

#define NR_BUILT_IN ARRAY_SIZE(built_in)

/* Those that came at run time. */
static struct event *added;
static u16 last_id = ID_AFTER - 1;

struct event *event_next(const struct event *e)
{
	if (!e)
		return built_in[0];
	if (e->id >= ID_AFTER)
		return e->next;
	return e->id + 1 < ID_AFTER ? built_in[e->id + 1 - FIRST_EVENT_ID] : added;
}

struct event *event_by_id(u16 id)
{
	struct event *e = NULL;

	while ((e = event_next(e)) && e->id != id)
		;
	return e;
}

void event_choose_way(struct event *e)
{
	WRITE_ONCE(e->fast, e->recording && !e->filter && !e->triggers && !trace_stack_wanted &&
				    !static_key_enabled(&guard_policy_key));
}

void events_choose_way(void)
{
	for (struct event *e = NULL; (e = event_next(e));)
		event_choose_way(e);
}

void event_list_add(struct event *e)
{
	struct event **last = &added;

	while (*last)
		last = &(*last)->next;
	/* After the last number, round and round: a record that is still in the ring won't soon be another event's. */
	do
		e->id = last_id = last_id == 0xffff ? ID_AFTER : last_id + 1;
	while (event_by_id(e->id));
	e->next = NULL;
	*last = e;
}

void event_list_remove(struct event *e)
{
	struct event **link = &added;

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
}
