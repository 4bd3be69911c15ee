/* The file "trace": events as lines of text, in Linux's shape. */
#include "trace/output.h"

#include "abi/errno.h"
#include "arch/x86/cpu/smp.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "trace/event.h"
#include "trace/event_record.h"
#include "trace/internal.h"
#include "trace/options.h"
#include "trace/ring_clock.h"

const char *current_tracer_name = "nop";
const struct trace_look *current_look;

/* In Linux's order. */
struct output_options output_options = {
	.print_parent = true, .annotate = true, .context_info = true, .irq_info = true
};
TRACE_OPTION(print_parent, "print-parent", &output_options.print_parent);
TRACE_OPTION(sym_offset, "sym-offset", &output_options.sym_offset);
TRACE_OPTION(sym_addr, "sym-addr", &output_options.sym_addr);
TRACE_OPTION(verbose, "verbose", &output_options.verbose);
TRACE_OPTION(raw, "raw", &output_options.raw);
TRACE_OPTION(annotate, "annotate", &output_options.annotate);
TRACE_OPTION(context_info, "context-info", &output_options.context_info);
TRACE_OPTION(latency_format, "latency-format", &output_options.latency_format);
TRACE_OPTION(irq_info, "irq-info", &output_options.irq_info);
TRACE_OPTION(pause_on_trace, "pause-on-trace", &output_options.pause_on_trace);

static void print_usual_header(struct seq *out, u64 entries, u64 written)
{
	seq_printf(out, "# entries-in-buffer/entries-written: %lu/%lu   #P:%u\n#\n", entries, written,
		   nr_cpus_up());
	if (!output_options.irq_info) {
		seq_puts(out, "#           TASK-PID     CPU#     TIMESTAMP  FUNCTION\n"
			      "#              | |         |         |         |\n");
		return;
	}
	seq_puts(out, "#                                _-----=> irqs-off/BH-disabled\n"
		      "#                               / _----=> need-resched\n"
		      "#                              | / _---=> hardirq/softirq\n"
		      "#                              || / _--=> preempt-depth\n"
		      "#                              ||| / _-=> migrate-disable\n"
		      "#                              |||| /     delay\n"
		      "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		      "#              | |         |   |||||     |         |\n");
}

static void print_header(struct seq *out, const struct ring_merge *m)
{
	u64 entries, written = ring_merge_count(m, &entries);

	seq_printf(out, "# tracer: %s\n#\n", current_tracer_name);
	if (current_look && current_look->header)
		current_look->header(out);
	else if (output_options.context_info && output_options.latency_format)
		trace_print_latency_header(out, entries, written);
	else if (output_options.context_info)
		print_usual_header(out, entries, written);
}

void trace_print_flags(struct seq *out, const struct trace_entry *e)
{
	bool nmi = e->flags & TRACE_FLAG_NMI, irq = e->flags & TRACE_FLAG_HARDIRQ;
	u32 depth = min(e->preempt_count, (u8)15); /* a digit, as on Linux */

	seq_putc(out, e->flags & TRACE_FLAG_IRQS_OFF ? 'd' : '.');
	seq_putc(out, e->flags & TRACE_FLAG_NEED_RESCHED ? 'N' : '.');
	seq_putc(out, (char)(nmi ? irq ? 'Z' : 'z' : irq ? 'h' : '.'));
	seq_putc(out, ".123456789abcdef"[depth]);
	seq_putc(out, '.'); /* nothing here disables migration without preemption */
}

/* In the unit of the clock that is in use, ten or more characters. */
static void trace_print_time(struct seq *out, u64 time)
{
	if (ring_clock_in_ns())
		seq_printf(out, " %5lu.%06lu", time / 1000000000, time / 1000 % 1000000);
	else
		seq_printf(out, " %12lu", time);
}

static void print_symbol(struct seq *out, u64 ip, u64 find)
{
	struct symbol sym;

	if (!symtab_find(&kernel_symtab, find, &sym))
		seq_printf(out, "0x%lx", ip);
	else if (output_options.sym_offset)
		seq_printf(out, "%s+0x%lx/0x%lx", sym.name, ip - sym.start, sym.size);
	else
		seq_puts(out, sym.name);
	if (output_options.sym_addr)
		seq_printf(out, " <%016lx>", ip);
}

void trace_print_ip(struct seq *out, u64 ip) { print_symbol(out, ip, ip); }
void trace_print_caller(struct seq *out, u64 ip) { print_symbol(out, ip, ip - 1); }

static void print_context(struct seq *out, const struct ring_event *event)
{
	const struct trace_entry *e = event->entry;
	char comm[16];

	if (output_options.raw) {
		seq_printf(out, "%d %u %lu ", e->pid, event->cpu, event->time);
		return;
	}
	seq_printf(out, "%16s-%-7d [%03u] ", comm_of(e->pid, comm), e->pid, event->cpu);
	if (output_options.irq_info)
		trace_print_flags(out, e);
	trace_print_time(out, event->time);
	seq_puts(out, ": ");
}

/* What is being printed: its first event's time, and how many there have been. */
static struct ring_merge *printing;
static struct {
	u64 first_time;
	u32 nr_printed;
	bool annotating;
	u32 started; /* CPUs of which an event has been printed */
} state;

const struct ring_record *trace_peek(u32 cpu) { return ring_reader_peek(&printing->readers[cpu]); }
void trace_skip(u32 cpu) { ring_reader_take(&printing->readers[cpu]); }

void trace_print_body(struct seq *out, const struct ring_event *event)
{
	const struct trace_entry *e = event->entry;
	const struct event_type *type = NULL;
	const struct event *of = event_by_id(e->type);

	FOR_EACH_REGISTERED(event_types, const struct event_type, t)
		if ((*t)->type == e->type)
			type = *t;
	if (of) {
		seq_printf(out, "%s: ", of->name);
		of->print(out, of, e + 1);
	} else if (!type) {
		seq_printf(out, "Unknown type %u", e->type);
	} else if (!output_options.raw) {
		type->print(out, e + 1);
	} else if (type->raw) {
		type->raw(out, e + 1);
	} else {
		seq_printf(out, "type: %u", e->type);
	}
}

/* Where a ring has lost its beginning, the CPU's first line is said to be that, unless it is the first of all. */
static void annotate(struct seq *out, u32 cpu)
{
	if (state.started && !(state.started & 1u << cpu))
		seq_printf(out, "##### CPU %u buffer state.started ####\n", cpu);
	state.started |= 1u << cpu;
}

static void print_line(struct seq *out, const struct ring_event *event)
{
	u64 next = event->time;

	if (current_look && current_look->line && current_look->line(out, event))
		return;
	if (state.annotating)
		annotate(out, event->cpu);
	if (output_options.context_info && output_options.latency_format && !output_options.raw) {
		ring_merge_peek(printing, &next);
		trace_print_latency_context(out, event, state.first_time, next - event->time,
					    state.nr_printed);
	} else if (output_options.context_info) {
		print_context(out, event);
	}
	trace_print_body(out, event);
	seq_putc(out, '\n');
}

bool trace_print_next(struct seq *out, struct ring_merge *m)
{
	struct ring_event e;

	printing = m;
	if (!ring_merge_next(m, &e))
		return false;
	if (e.lost)
		seq_printf(out, "CPU:%u [LOST %lu EVENTS]\n", e.cpu, e.lost);
	if (!state.nr_printed++)
		state.first_time = e.time;
	print_line(out, &e);
	return true;
}

/* Who prints meanwhile begins with a state of his own. */
static void let_others_in(struct seq *out)
{
	typeof(state) kept = state;

	seq_wait(out);
	state = kept;
}

/* @copied: what is printed is ours. A live ring may be changed, or go, while nobody keeps others out. */
static void print_all(struct seq *out, struct ring_merge *m, bool copied)
{
	u64 entries, written = ring_merge_count(m, &entries);

	print_header(out, m);
	state.nr_printed = state.started = 0;
	state.annotating = output_options.annotate && written > entries;
	while (!seq_is_closed(out) && trace_print_next(out, m))
		if (copied && out->full)
			let_others_in(out);
	state.annotating = false;
}

/*
 * What is printed is a copy of what was there: each line calls functions that are traced, and a reader of a live ring
 * would soon read nothing else. When there is no memory for that, recording pauses.
 */
int trace_print(struct seq *out, enum ring_set set, u32 cpu)
{
	bool live = set == RINGS_LIVE, pause = live && output_options.pause_on_trace, look = pause;
	struct ring_merge merge;
	int err;

	if (live && current_look && current_look->show)
		return current_look->show(out);
	err = ring_merge_begin(&merge, set, cpu, live && !pause ? RING_COPY : RING_LOOK);
	if (live && !pause && err == -ENOMEM) {
		pause = look = true;
		err = ring_merge_begin(&merge, set, cpu, RING_LOOK);
	}
	if (err)
		return err;
	pause &= tracing_is_on();
	if (pause)
		tracing_off();
	print_all(out, &merge, live && !look);
	if (pause)
		tracing_on();
	ring_merge_end(&merge);
	return 0;
}
