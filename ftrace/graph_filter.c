/* Which calls the graph tracer shows: set_graph_function, set_graph_notrace, max_graph_depth, and what else says no. */
#include "abi/errno.h"
#include "context/context.h"
#include "ftrace/graph.h"
#include "ftrace/internal.h"
#include "ftrace/tracer.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "rcu/rcu.h"

/* Tracers read @live with preemption off, as RCU's readers do; NULL: no function is in it. */
struct graph_set {
	struct ftrace_set sets[2];
	struct ftrace_set *live;
};
static struct graph_set inside, hidden;
static u32 max_depth; /* 0: any */

bool graph_filter_active(void) { return inside.live || hidden.live || max_depth || !graph_options.irqs; }

/* notrace: called by every traced function. What is found in a set holds for all that is called by it. */
notrace u32 graph_filter(u64 func, u32 state, u32 word)
{
	const struct ftrace_set *in = READ_ONCE(inside.live), *out = READ_ONCE(hidden.live);
	u32 depth = READ_ONCE(max_depth);

	if (state & GRAPH_HIDDEN)
		return 0;
	if (out && ftrace_set_has(out, ftrace_index_of(func)))
		return (state + 1) | GRAPH_HIDDEN;
	if (!ftrace_pid_traced() || (depth && (state & GRAPH_DEPTH) >= depth))
		return 0;
	if (!READ_ONCE(graph_options.irqs) && (word & HARDIRQ_MASK))
		return 0;
	if (in && !(state & GRAPH_INSIDE)) {
		if (!ftrace_set_has(in, ftrace_index_of(func)))
			return 0;
		state |= GRAPH_INSIDE;
	}
	return state + 1;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct graph_set *g = self->arg;
	struct ftrace_set *old = g->live, *draft = &g->sets[old == &g->sets[0]];
	int err = ftrace_words(text, len, NULL, false, false);

	if (!err)
		err = ftrace_set_copy(draft, append ? old : NULL);
	if (err)
		return err;
	ftrace_words(text, len, draft, false, true);
	if (!draft->nr)
		ftrace_set_free(draft);
	__atomic_store_n(&g->live, draft->nr ? draft : NULL, __ATOMIC_RELEASE);
	graph_slow_refresh();
	synchronize_rcu();
	if (old)
		ftrace_set_free(old);
	return 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	static const struct ftrace_set none;
	const struct graph_set *g = self->arg;

	ftrace_set_show(out, g->live ? g->live : &none,
			g == &hidden ? "no functions disabled" : "all functions enabled");
	return 0;
}
CTL_FILE(ctl_set_graph_function, .path = "set_graph_function", .show = show, .store = store, .arg = &inside);
CTL_FILE(ctl_set_graph_notrace, .path = "set_graph_notrace", .show = show, .store = store, .arg = &hidden);

static int depth_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%u\n", max_depth);
	return 0;
}

static int depth_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > ~0u)
		return -EINVAL;
	WRITE_ONCE(max_depth, (u32)v);
	graph_slow_refresh();
	return 0;
}
CTL_FILE(ctl_max_graph_depth, .path = "max_graph_depth", .show = depth_show, .store = depth_store);
