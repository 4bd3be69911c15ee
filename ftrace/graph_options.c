/* The graph tracer's switches: options/funcgraph-*, options/sleep-time, options/graph-time. */
#include "ftrace/graph.h"
#include "sched/thread.h"
#include "trace/options.h"

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

#define GRAPH_OPTION(field, text, ...) \
	TRACE_OPTION(graph_##field, text, &graph_options.field, .tracer = "function_graph", ##__VA_ARGS__)
GRAPH_OPTION(overrun, "funcgraph-overrun");
GRAPH_OPTION(cpu, "funcgraph-cpu");
GRAPH_OPTION(overhead, "funcgraph-overhead");
GRAPH_OPTION(proc, "funcgraph-proc");
GRAPH_OPTION(duration, "funcgraph-duration");
GRAPH_OPTION(abstime, "funcgraph-abstime");
GRAPH_OPTION(irqs, "funcgraph-irqs", .changed = graph_slow_refresh);
GRAPH_OPTION(tail, "funcgraph-tail");
GRAPH_OPTION(retval, "funcgraph-retval", .changed = graph_slow_refresh);
GRAPH_OPTION(retval_hex, "funcgraph-retval-hex");
GRAPH_OPTION(sleep_time, "sleep-time", .changed = sleep_time_changed);
GRAPH_OPTION(graph_time, "graph-time");
