/* The file "trace": events as lines of text, in Linux's shape. */
#include "trace/output.h"

#include "arch/x86/cpu/smp.h"
#include "trace/event.h"

const char *current_tracer_name = "nop";
const struct trace_look *current_look;

static struct ring_merge *printing;

const struct ring_record *trace_peek(u32 cpu) { return ring_reader_peek(&printing->readers[cpu]); }
void trace_skip(u32 cpu) { ring_reader_take(&printing->readers[cpu]); }

static void print_header(struct seq *out, enum ring_set set, u32 cpu)
{
	u64 entries, written = ring_buffer_count(set, cpu, &entries);

	seq_printf(out, "# tracer: %s\n#\n", current_tracer_name);
	if (current_look && current_look->header) {
		current_look->header(out);
		return;
	}
	seq_printf(out, "# entries-in-buffer/entries-written: %lu/%lu   #P:%u\n#\n", entries, written,
		   nr_cpus_up());
	seq_puts(out, "#                                _-----=> irqs-off/BH-disabled\n"
		      "#                               / _----=> need-resched\n"
		      "#                              | / _---=> hardirq/softirq\n"
		      "#                              || / _--=> preempt-depth\n"
		      "#                              ||| / _-=> migrate-disable\n"
		      "#                              |||| /     delay\n"
		      "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		      "#              | |         |   |||||     |         |\n");
}

static void print_flags(struct seq *out, const struct trace_entry *e)
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

void trace_print_body(struct seq *out, const struct ring_event *event)
{
	FOR_EACH_REGISTERED(event_types, const struct event_type, t)
		if ((*t)->type == event->entry->type) {
			(*t)->print(out, event->entry + 1);
			return;
		}
	seq_printf(out, "Unknown type %u", event->entry->type);
}

void trace_print_event(struct seq *out, const struct ring_event *event)
{
	const struct trace_entry *e = event->entry;
	u64 us = event->time / 1000;
	char comm[16];

	if (current_look && current_look->line && current_look->line(out, event))
		return;
	seq_printf(out, "%16s-%-7d [%03u] ", comm_of(e->pid, comm), e->pid, event->cpu);
	print_flags(out, e);
	seq_printf(out, " %5lu.%06lu: ", us / 1000000, us % 1000000);
	trace_print_body(out, event);
	seq_putc(out, '\n');
}

/*
 * Reading stops the recording, as a reader of a live ring would chase its own events for ever:
 * each line printed calls functions that are traced.
 */
int trace_print(struct seq *out, enum ring_set set, u32 cpu)
{
	bool was_on = tracing_is_on();
	struct ring_merge merge;
	struct ring_event e;
	int err;

	if (current_look && current_look->show && set == RINGS_LIVE)
		return current_look->show(out);
	tracing_off();
	err = ring_merge_begin(&merge, set, cpu, false);
	if (!err) {
		printing = &merge;
		print_header(out, set, cpu);
		while (ring_merge_next(&merge, &e))
			trace_print_event(out, &e);
		ring_merge_end(&merge);
	}
	if (was_on)
		tracing_on();
	return err;
}
