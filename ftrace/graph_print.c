/*
 * The graph tracer's lines in "trace": calls as braces, each line with its CPU and, at the closing one, how long it took.
 * Columns, marks and spaces are Linux's.
 */
#include "arch/x86/entry/handlers.h"
#include "ftrace/graph.h"
#include "ftrace/tracer.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "trace/event.h"
#include "trace/output.h"

#define INDENT	  2
#define MAX_DEPTH 64 /* calls inside each other whose names are remembered */

/* What was printed before, of each CPU; readers come one at a time. */
static struct cpu_state {
	s32 pid; /* whose lines; 0: nobody's yet */
	s32 depth;
	s32 irq_depth;		/* of the interrupt that isn't shown, +1; 0: none */
	u64 entered[MAX_DEPTH]; /* functions with an open brace */
} cpus[NR_CPUS];

/* Linux has a section of such functions. */
static bool is_irq_entry(u64 func) { return func == (u64)irq_dispatch; }

static void spaces(struct seq *out, int n)
{
	while (n-- > 0)
		seq_putc(out, ' ');
}

static void print_name(struct seq *out, u64 func)
{
	struct symbol sym;

	if (symtab_find(&kernel_symtab, func, &sym))
		seq_puts(out, sym.name);
	else
		seq_printf(out, "0x%lx", func);
}

/* Centred. */
static void print_proc(struct seq *out, s32 pid)
{
	char comm[16], text[24];
	int n;

	comm_of(pid, comm);
	comm[7] = '\0';
	snprintf(text, sizeof(text), "%s-%d", comm, pid);
	n = 14 - (int)strlen(text);
	spaces(out, n / 2);
	seq_puts(out, text);
	spaces(out, n - n / 2);
}

static void print_cpu(struct seq *out, u32 cpu) { seq_printf(out, " %u) ", cpu); }

static void print_left(struct seq *out, const struct ring_event *e)
{
	const struct graph_options *o = &graph_options;

	if (o->abstime)
		seq_printf(out, "%5lu.%06lu |  ", e->time / 1000000000, e->time / 1000 % 1000000);
	if (o->cpu)
		print_cpu(out, e->cpu);
	if (o->proc) {
		print_proc(out, e->entry->pid);
		seq_puts(out, " | ");
	}
}

static char overhead(u64 ns)
{
	static const struct {
		u64 above;
		char mark;
	} marks[] = { { 1000000000, '$' }, { 100000000, '@' }, { 10000000, '*' },
		      { 1000000, '#' },	   { 100000, '!' },    { 10000, '+' } };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (ns > marks[i].above)
			return marks[i].mark;
	return ' ';
}

void graph_print_time(struct seq *out, u64 ns)
{
	char text[32], fraction[4];
	size_t len;

	snprintf(text, sizeof(text), "%lu", ns / 1000);
	len = strlen(text);
	if (len < 7) {
		snprintf(fraction, min(sizeof(fraction), 8 - len), "%03lu", ns % 1000);
		snprintf(text + len, sizeof(text) - len, ".%s", fraction);
	}
	seq_printf(out, "%s us ", text);
	spaces(out, 8 - (int)strlen(text));
}

static void print_duration(struct seq *out, u64 ns)
{
	if (!graph_options.duration)
		return;
	seq_printf(out, "%c ", graph_options.overhead ? overhead(ns) : ' ');
	graph_print_time(out, ns);
	seq_puts(out, "|  ");
}

static void print_no_duration(struct seq *out)
{
	if (graph_options.duration)
		seq_puts(out, "              |  ");
}

static void print_irq(struct seq *out, const struct ring_event *e, u64 func, const char *arrow)
{
	if (!is_irq_entry(func))
		return;
	print_left(out, e);
	if (graph_options.duration)
		seq_printf(out, "  %s |", arrow);
	else
		seq_puts(out, arrow);
	seq_putc(out, '\n');
}

static void print_switch(struct seq *out, const struct ring_event *e, struct cpu_state *c)
{
	static const char line[] = " ------------------------------------------\n";
	s32 before = c->pid;

	c->pid = e->entry->pid;
	if (!before || before == c->pid)
		return;
	seq_puts(out, line);
	print_cpu(out, e->cpu);
	print_proc(out, before);
	seq_puts(out, " => ");
	print_proc(out, c->pid);
	seq_printf(out, "\n%s\n", line);
}

/* Is it part of an interrupt that shall not be seen? @func: 0 for a return. */
static bool is_skipped(struct cpu_state *c, s32 depth, u64 func)
{
	if (graph_options.irqs)
		return false;
	if (!c->irq_depth) {
		if (!func || !is_irq_entry(func))
			return false;
		c->irq_depth = depth + 1;
	} else if (!func && c->irq_depth > depth) {
		c->irq_depth = 0;
	}
	return true;
}

/* As a number, unless it looks like an error. */
static void print_value(struct seq *out, u64 value)
{
	s64 err = value >> 32 ? (s64)value : (s32)value;

	if (!graph_options.retval_hex && err < 0 && err >= -4095)
		seq_printf(out, "%ld", err);
	else
		seq_printf(out, "0x%lx", value);
}

static bool has_value(u32 size)
{
	return size >= sizeof(struct trace_entry) + sizeof(struct graph_exit_event);
}

static void print_leaf(struct seq *out, const struct graph_entry_event *call, const struct ring_record *rec)
{
	const struct graph_exit_event *ret = (const void *)((const struct trace_entry *)rec->data + 1);

	print_duration(out, ret->rettime - ret->calltime);
	spaces(out, call->depth * INDENT);
	print_name(out, call->func);
	seq_puts(out, "();");
	if (has_value(rec->size)) {
		seq_puts(out, " /* = ");
		print_value(out, ret->retval);
		seq_puts(out, " */");
	}
	seq_putc(out, '\n');
}

/* The return of what was just entered, if nothing came in between; it stays until it is taken. */
static const struct ring_record *leaf(u32 cpu, const struct graph_entry_event *call, s32 pid)
{
	const struct ring_record *rec = trace_peek(cpu);
	const struct trace_entry *next = rec ? rec->data : NULL;

	if (!next || next->type != TRACE_GRAPH_RET || next->pid != pid ||
	    ((const struct graph_exit_event *)(next + 1))->func != call->func)
		return NULL;
	return rec;
}

static void remember(struct cpu_state *c, s32 depth, u64 func)
{
	if (depth >= 0 && depth < MAX_DEPTH)
		c->entered[depth] = func;
}

/* Looking at the next event spoils the memory of this one. */
static void print_entry(struct seq *out, const struct ring_event *event, struct cpu_state *c)
{
	struct graph_entry_event call = *(const struct graph_entry_event *)(event->entry + 1);
	struct trace_entry entry = *event->entry;
	struct ring_event e = *event;
	const struct ring_record *rec;

	e.entry = &entry;
	if (is_skipped(c, call.depth, call.func))
		return;
	print_switch(out, &e, c);
	print_irq(out, &e, call.func, "==========>");
	print_left(out, &e);
	rec = leaf(e.cpu, &call, entry.pid);
	c->depth = rec ? call.depth - 1 : call.depth;
	remember(c, call.depth, rec ? 0 : call.func);
	if (rec) {
		print_leaf(out, &call, rec);
		trace_skip(e.cpu);
		print_irq(out, &e, call.func, "<==========");
		return;
	}
	print_no_duration(out);
	spaces(out, call.depth * INDENT);
	print_name(out, call.func);
	seq_puts(out, "() {\n");
}

/* A brace whose opening one is lost says whose it is. */
static void print_return(struct seq *out, const struct ring_event *e, struct cpu_state *c)
{
	const struct graph_exit_event *ret = (const void *)(e->entry + 1);
	bool known = ret->depth < 0 || ret->depth >= MAX_DEPTH || c->entered[ret->depth] == ret->func;

	if (is_skipped(c, ret->depth, 0))
		return;
	c->depth = ret->depth - 1;
	remember(c, ret->depth, 0);
	print_switch(out, e, c);
	print_left(out, e);
	print_duration(out, ret->rettime - ret->calltime);
	spaces(out, ret->depth * INDENT);
	seq_putc(out, '}');
	if (!known || graph_options.tail || has_value(e->size)) {
		seq_puts(out, " /* ");
		print_name(out, ret->func);
		if (has_value(e->size)) {
			seq_puts(out, " = ");
			print_value(out, ret->retval);
		}
		seq_puts(out, " */");
	}
	seq_putc(out, '\n');
	if (graph_options.overrun)
		seq_printf(out, " (Overruns: %u)\n", ret->overrun);
	print_irq(out, e, ret->func, "<==========");
}

static void print_comment(struct seq *out, const struct ring_event *e, struct cpu_state *c)
{
	print_switch(out, e, c);
	print_left(out, e);
	print_no_duration(out);
	if (c->depth > 0)
		spaces(out, (c->depth + 1) * INDENT);
	seq_puts(out, "/* ");
	trace_print_body(out, e);
	seq_puts(out, " */\n");
}

/* Function entries and stack traces are no comments: they have lines of their own, as always. */
static bool line(struct seq *out, const struct ring_event *e)
{
	struct cpu_state *c = &cpus[e->cpu];

	switch (e->entry->type) {
	case TRACE_GRAPH_ENT:
		print_entry(out, e, c);
		return true;
	case TRACE_GRAPH_RET:
		print_return(out, e, c);
		return true;
	case TRACE_FN:
	case TRACE_STACK:
		return false;
	default:
		print_comment(out, e, c);
		return true;
	}
}

static void header(struct seq *out)
{
	const struct graph_options *o = &graph_options;

	memset(cpus, 0, sizeof(cpus));
	seq_printf(out, "#%s%s%s%s               FUNCTION CALLS\n", o->abstime ? "     TIME       " : "",
		   o->cpu ? " CPU" : "", o->proc ? "  TASK/PID       " : "",
		   o->duration ? "  DURATION   " : "");
	seq_printf(out, "#%s%s%s%s               |   |   |   |\n", o->abstime ? "      |         " : "",
		   o->cpu ? " |  " : "", o->proc ? "   |    |        " : "",
		   o->duration ? "   |   |      " : "");
}

const struct trace_look graph_look = { .header = header, .line = line };
