/* Events as text. */
#pragma once

#include "lib/seq.h"
#include "trace/ring_buffer.h"

/* options/ that are about text. */
struct output_options {
	bool print_parent, sym_offset, sym_addr, verbose, raw, annotate, context_info, latency_format,
		irq_info, pause_on_trace;
};
extern struct output_options output_options;

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

/* What a latency tracer has found, for the head of a trace in latency-format: written by the tracer, read by printers. */
struct trace_latency {
	u64 ns;
	u64 started_at, ended_at; /* 0: not known */
	u32 cpu;
	s32 pid;
};
extern struct trace_latency trace_latency;

/* Within line(). The event of CPU @cpu that comes next, NULL: none. And it is not printed. */
const struct ring_record *trace_peek(u32 cpu);
void trace_skip(u32 cpu);

/* All below: thread context. The next event's line, and before it what was lost of a consumer's; false: there is none. */
bool trace_print_next(struct seq *out, struct ring_merge *m);
/* The part of a line behind the timestamp. */
void trace_print_body(struct seq *out, const struct ring_event *event);
/* The file "trace" of a CPU, or of all: a header, and what is there. -ENOMEM. */
int trace_print(struct seq *out, enum ring_set set, u32 cpu);
/* An address in text, as the options sym-offset and sym-addr want it: for EVENT_TYPE()s. */
void trace_print_ip(struct seq *out, u64 ip);
/* The same for a return address: the function that called, even where the call was its last instruction. */
void trace_print_caller(struct seq *out, u64 ip);
/* The column of flags, five letters. */
void trace_print_flags(struct seq *out, const struct trace_entry *e);

/* output_latency.c: the same for latency-format. @since: the first event's time; @number: which of all. */
void trace_print_latency_header(struct seq *out, u64 entries, u64 written);
void trace_print_latency_context(struct seq *out, const struct ring_event *event, u64 since, u64 next,
				 u32 number);
