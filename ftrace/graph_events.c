/* The graph tracer's records outside its own lines: as text of one event, and their formats. */
#include "ftrace/graph.h"
#include "lib/ctl.h"
#include "lib/symtab.h"
#include "trace/event.h"
#include "trace/ring_buffer.h"

static void print_mark(struct seq *out, const char *arrow, u64 func, s32 depth)
{
	struct symbol sym;

	if (symtab_find(&kernel_symtab, func, &sym))
		seq_printf(out, "%s %s (%d)", arrow, sym.name, depth);
	else
		seq_printf(out, "%s 0x%lx (%d)", arrow, func, depth);
}

static void print_entry(struct seq *out, const void *payload)
{
	const struct graph_entry_event *e = payload;

	seq_puts(out, "funcgraph_entry: ");
	print_mark(out, "-->", e->func, e->depth);
}
EVENT_TYPE(graph_entry_type, .type = TRACE_GRAPH_ENT, .print = print_entry);

static void print_exit(struct seq *out, const void *payload)
{
	const struct graph_exit_event *e = payload;

	seq_puts(out, "funcgraph_exit: ");
	print_mark(out, "<--", e->func, e->depth);
	seq_printf(out, " (start: %lx  end: %lx) over: %u", e->calltime, e->rettime, e->overrun);
}
EVENT_TYPE(graph_exit_type, .type = TRACE_GRAPH_RET, .print = print_exit);

#define FIELD(text, type, member, is_signed)                                  \
	"\tfield:" text ";\toffset:%lu;\tsize:%lu;\tsigned:" is_signed ";\n", \
		sizeof(struct trace_entry) + offsetof(struct type, member),   \
		sizeof(((struct type *)0)->member)

static void show_common(struct seq *out, const char *name, int id)
{
	seq_printf(out, "name: %s\nID: %d\nformat:\n", name, id);
	seq_puts(out, "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		      "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		      "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		      "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n");
}

static int entry_format(struct seq *out, const struct ctl_file *self)
{
	show_common(out, "funcgraph_entry", TRACE_GRAPH_ENT);
	seq_printf(out, FIELD("unsigned long func", graph_entry_event, func, "0"));
	seq_printf(out, FIELD("int depth", graph_entry_event, depth, "1"));
	seq_puts(out, "\nprint fmt: \"--> %ps (%d)\", (void *)REC->func, REC->depth\n");
	return 0;
}
CTL_FILE(ctl_entry_format, .path = "events/ftrace/funcgraph_entry/format", .show = entry_format);

/* Linux 6.1's; a return value lies behind it, where Linux 6.5 has it between the others. */
static int exit_format(struct seq *out, const struct ctl_file *self)
{
	show_common(out, "funcgraph_exit", TRACE_GRAPH_RET);
	seq_printf(out, FIELD("unsigned long func", graph_exit_event, func, "0"));
	seq_printf(out, FIELD("int depth", graph_exit_event, depth, "1"));
	seq_printf(out, FIELD("unsigned int overrun", graph_exit_event, overrun, "0"));
	seq_printf(out, FIELD("unsigned long long calltime", graph_exit_event, calltime, "0"));
	seq_printf(out, FIELD("unsigned long long rettime", graph_exit_event, rettime, "0"));
	if (graph_options.retval)
		seq_printf(out, FIELD("unsigned long retval", graph_exit_event, retval, "0"));
	seq_puts(out, "\nprint fmt: \"<-- %ps (%d) (start: %llx  end: %llx) over: %d\", "
		      "(void *)REC->func, REC->depth, REC->calltime, REC->rettime, REC->depth\n");
	return 0;
}
CTL_FILE(ctl_exit_format, .path = "events/ftrace/funcgraph_exit/format", .show = exit_format);
