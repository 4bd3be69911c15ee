/*
 * tracing_max_latency, the longest that was found, and tracing_thresh: then it is everything that took at least so long
 * that is kept, and what the graph tracer shows.
 */
#include "ftrace/latency.h"

#include "abi/errno.h"
#include "ftrace/graph.h"
#include "lib/ctl.h"

u64 tracing_thresh, tracing_max_latency;

/* Both in microseconds, as on Linux. */
static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%lu\n", *(const u64 *)self->arg / 1000);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > ~0ul / 1000)
		return -EINVAL;
	WRITE_ONCE(*(u64 *)self->arg, v * 1000);
	graph_slow_refresh();
	return 0;
}
CTL_FILE(ctl_tracing_thresh, .path = "tracing_thresh", .show = show, .store = store, .arg = &tracing_thresh);
CTL_FILE(ctl_tracing_max_latency, .path = "tracing_max_latency", .show = show, .store = store,
	 .arg = &tracing_max_latency);
