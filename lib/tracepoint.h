/*
 * Tracepoints: places where an event is recorded when somebody wants it. Off, each costs one nop.
 *
 *	tracepoint(sched_wakeup, t->comm, t->tid, t->priority, cpu);
 *
 * records what lib/trace_events.h declares under that name; the arguments are its fields, and are only evaluated when it is
 * on. Any context that RCU watches, with any lock held. In hidden code between instrumentation_begin() and _end().
 */
#pragma once

#include "lib/seq.h"
#include "lib/static_key.h"
#include "lib/types.h"

typedef s32 pid_t;

struct event_field {
	const char *type, *name; /* of a string the type of one character, of an array that of one element */
	u16 offset, size;	 /* in the record, which begins with the common fields */
	bool is_signed, is_string;
	bool is_dynamic; /* the field is a u32: length << 16 | offset of the string in the record */
	u8 count;	 /* of an array; 0: it is none */
};

/* An event: what is known of it at build time, and what its control files have made of it. */
struct event {
	struct static_key key; /* its sites' */
	bool fast;	       /* just recorded: neither filter nor triggers to ask */
	bool recording;	       /* "enable" is 1 */
	bool draft;	       /* @recording, if the write now being read is taken */
	u16 id;
	const char *system, *name, *print_fmt;
	const struct event_field *(*fields)(const struct event *e); /* up to one without a name */
	/* Prints what follows "name: "; @fields is the record behind the common ones. */
	void (*print)(struct seq *out, const struct event *e, const void *fields);
	void (*show_print_fmt)(struct seq *out, const struct event *e); /* instead of @print_fmt */
	/* An event that is no tracepoint: puts its site in or takes it out, 0 or -errno; and is it in? */
	int (*arm)(struct event *e, bool on);
	const bool *armed;
	/* ftrace/event.h's; the first two are read under RCU. */
	struct event_filter *filter;
	struct event_trigger *triggers;
	char *refused;	    /* what "filter" says of the last one that wasn't taken */
	struct event *next; /* trace/events.c's */
};

#define COMM_SIZE 16

/* What a site passes for each kind of field. */
#define PASS_FIELD(type, name)	, type name
#define PASS_COMM(name)		, const char name[COMM_SIZE]
#define PASS_STRING(name, size) , const char *name
/* clang-format off */
#define TRACE_EVENT(system, name, ...)          \
	extern struct event event_##name; \
	void record_##name(void *unused FIELDS_##name(PASS_FIELD, PASS_COMM, PASS_STRING));
#include "lib/trace_events.h"
#undef TRACE_EVENT

#define tracepoint(name, ...)                                            \
	do {                                                              \
		if (static_branch_unlikely(&event_##name.key))            \
			record_##name(NULL, ##__VA_ARGS__);      \
	} while (0)
/* clang-format on */
