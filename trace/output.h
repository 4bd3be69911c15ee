/* Events as text. */
#pragma once

#include "lib/seq.h"
#include "trace/ring_buffer.h"

/* What a tracer's trace looks like, when not like everybody's. */
struct trace_look {
	/* Thread context. All of it, not from the rings; NULL: what is in them, by the other two, which may be NULL. */
	int (*show)(struct seq *out);
	/* Thread context. Under "# tracer:"; what line() remembers begins here. */
	void (*header)(struct seq *out);
	/* Thread context. A whole line, or false: the usual one. */
	bool (*line)(struct seq *out, const struct ring_event *event);
};
/* The current tracer's, NULL for none of its own: for whoever switches tracers. */
extern const struct trace_look *current_look;

/*
 * Within line(). The event of CPU @cpu that comes next, which may spoil the memory of the one being printed; NULL: none.
 * And it is not printed.
 */
const struct ring_record *trace_peek(u32 cpu);
void trace_skip(u32 cpu);

/* Thread context. The part of a line after the timestamp. */
void trace_print_body(struct seq *out, const struct ring_event *event);
/* Thread context. One line. */
void trace_print_event(struct seq *out, const struct ring_event *event);
/* Thread context. The file "trace" of a CPU, or of all: a header, and what is there. -ENOMEM. */
int trace_print(struct seq *out, enum ring_set set, u32 cpu);
