/* The files "trace" and "tracing_on": events as lines of text, in Linux's shape. */
#include "abi/errno.h"
#include "context/context.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/event.h"
#include "trace/ring_buffer.h"

const char *current_tracer_name = "nop";

static int nr_cpus_up(void)
{
	int n = 0;

	for (u32 up = cpus_up; up; up &= up - 1)
		n++;
	return n;
}

static void print_header(struct seq *out)
{
	seq_printf(out, "# tracer: %s\n#\n", current_tracer_name);
	seq_printf(out, "# entries-in-buffer/entries-written: %lu/%lu   #P:%d\n#\n", ring_buffer_entries(),
		   ring_buffer_written(), nr_cpus_up());
	seq_puts(out, "#                                _-----=> irqs-off/BH-disabled\n"
		      "#                               / _----=> need-resched\n"
		      "#                              | / _---=> hardirq/softirq\n"
		      "#                              || / _--=> preempt-depth\n"
		      "#                              ||| / _-=> migrate-disable\n"
		      "#                              |||| /     delay\n"
		      "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		      "#              | |         |   |||||     |         |\n");
}

static void print_flags(struct seq *out, const struct ring_entry *e)
{
	bool nmi = e->flags & TRACE_FLAG_NMI, irq = e->flags & TRACE_FLAG_HARDIRQ;

	seq_putc(out, e->flags & TRACE_FLAG_IRQS_OFF ? 'd' : '.');
	seq_putc(out, '.');
	seq_putc(out, (char)(nmi ? 'z' : irq ? 'h' : '.'));
	if (e->preempt_count)
		seq_printf(out, "%x", e->preempt_count);
	else
		seq_putc(out, '.');
	seq_putc(out, '.');
}

static void print_entry(struct seq *out, const struct ring_entry *e)
{
	const struct event_type *type = NULL;
	u64 us = e->time / 1000;
	char comm[16];

	FOR_EACH_REGISTERED(event_types, const struct event_type, t)
		if ((*t)->type == e->type)
			type = *t;
	seq_printf(out, "%16s-%-7d [%03d] ", comm_of(e->pid, comm), e->pid, e->cpu);
	print_flags(out, e);
	seq_printf(out, " %5lu.%06lu: ", us / 1000000, us % 1000000);
	if (type)
		type->print(out, e->payload);
	else
		seq_printf(out, "Unknown type %u", e->type);
	seq_putc(out, '\n');
}

/*
 * Reading stops the recording, as a reader of a live ring would chase its own events for ever:
 * each line printed calls functions that are traced.
 */
static int trace_show(struct seq *out, const struct ctl_file *self)
{
	bool was_on = tracing_is_on;
	u64 n = ring_buffer_entries();

	WRITE_ONCE(tracing_is_on, false);
	print_header(out);
	for (u64 i = 0; i < n; i++) {
		struct ring_entry e;

		if (ring_buffer_read(i, &e))
			print_entry(out, &e);
	}
	WRITE_ONCE(tracing_is_on, was_on);
	return 0;
}

/* As on Linux, opening for writing with truncation empties the buffer, whatever is written. */
static int trace_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (!append)
		ring_buffer_reset();
	return 0;
}
CTL_FILE(ctl_trace, .path = "trace", .show = trace_show, .store = trace_store);

static int tracing_on_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", tracing_is_on);
	return 0;
}

static int tracing_on_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	WRITE_ONCE(tracing_is_on, v != 0);
	return 0;
}
CTL_FILE(ctl_tracing_on, .path = "tracing_on", .show = tracing_on_show, .store = tracing_on_store);
