/* The graph tracer's switches: options/funcgraph-*, options/sleep-time, options/graph-time. */
#include "abi/errno.h"
#include "ftrace/graph.h"
#include "ftrace/tracer.h"
#include "lib/bug.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "sched/thread.h"

struct graph_options graph_options = {
	.cpu = true,
	.overhead = true,
	.duration = true,
	.irqs = true,
	.sleep_time = true,
	.graph_time = true,
};

static void never_left(struct thread *t, void *arg) { t->graph.left = 0; }

/* What was noted when it was on last is forgotten first. */
static void sleep_time_changed(void)
{
	static_key_set(&graph_asleep_key, false);
	thread_for_each_one(never_left, NULL);
	static_key_set(&graph_asleep_key, !graph_options.sleep_time);
}

static const struct trace_option options[] = {
	{ .name = "funcgraph-overrun", .value = &graph_options.overrun },
	{ .name = "funcgraph-cpu", .value = &graph_options.cpu },
	{ .name = "funcgraph-overhead", .value = &graph_options.overhead },
	{ .name = "funcgraph-proc", .value = &graph_options.proc },
	{ .name = "funcgraph-duration", .value = &graph_options.duration },
	{ .name = "funcgraph-abstime", .value = &graph_options.abstime },
	{ .name = "funcgraph-irqs", .value = &graph_options.irqs, .changed = graph_slow_refresh },
	{ .name = "funcgraph-tail", .value = &graph_options.tail },
	{ .name = "funcgraph-retval", .value = &graph_options.retval, .changed = graph_slow_refresh },
	{ .name = "funcgraph-retval-hex", .value = &graph_options.retval_hex },
	{ .name = "sleep-time", .value = &graph_options.sleep_time, .changed = sleep_time_changed },
	{ .name = "graph-time", .value = &graph_options.graph_time },
};

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", *((const struct trace_option *)self->arg)->value);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	const struct trace_option *o = self->arg;
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	WRITE_ONCE(*o->value, v);
	if (o->changed)
		o->changed();
	return 0;
}

void graph_options_init(void)
{
	static struct {
		struct ctl_file file;
		char path[40];
	} files[ARRAY_SIZE(options)];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		snprintf(files[i].path, sizeof(files[i].path), "options/%s", options[i].name);
		files[i].file = (struct ctl_file){
			.path = files[i].path, .show = show, .store = store, .arg = (void *)&options[i]
		};
		BUG_ON(ctl_add(&files[i].file) != 0);
	}
}
