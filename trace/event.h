/* What an event means: each type of record knows how to print its payload. */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"
#include "lib/types.h"

/* Linux's numbers, which other programs know. */
enum trace_type {
	TRACE_FN = 1,
	TRACE_STACK = 4,
	TRACE_PRINT = 5,
	TRACE_BPRINT = 6,
	TRACE_GRAPH_RET = 10,
	TRACE_GRAPH_ENT = 11
};

struct event_type {
	u16 type;
	/* Prints the part of the line after the timestamp, without the newline. */
	void (*print)(struct seq *out, const void *payload);
	/* The same with the option "raw": numbers. NULL: only the type is shown. */
	void (*raw)(struct seq *out, const void *payload);
};

#define EVENT_TYPE(var, ...)                                  \
	static const struct event_type var = { __VA_ARGS__ }; \
	REGISTER_IN(event_types, var)
DECLARE_REGISTRY(event_types);

/* The name of the current tracer, for the header of "trace"; set by whoever switches it. */
extern const char *current_tracer_name;
