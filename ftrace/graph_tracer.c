/* The function_graph tracer: a record for each traced function's entry, and one for its return. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "ftrace/graph.h"
#include "ftrace/latency.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "lib/bug.h"
#include "sched/thread.h"
#include "trace/event.h"
#include "trace/guard.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"

/*
 * What few ask for: filters, a threshold, return values, another clock; and returns when the tracer is off again. Without it there is
 * only a nop.
 */
static struct static_key slow_key;
static bool running;

/* notrace, here and below: called by every traced function; as a traced one it would call itself. */
static notrace void trace_graph_return(struct graph_entry *e);

static notrace bool record_entry(const struct graph_entry *e, u32 word)
{
	struct graph_entry_event *ev =
		ring_buffer_reserve_here(TRACE_GRAPH_ENT, sizeof(*ev), read_eflags(), word);

	if (!ev)
		return false;
	ev->func = e->func;
	ev->depth = graph_depth(e);
	ring_buffer_commit_here(ev);
	return true;
}

static __always_inline void fill_exit(struct graph_exit_event *ev, const struct graph_entry *e, u64 now)
{
	ev->func = e->func;
	ev->depth = graph_depth(e);
	ev->overrun = this_cpu(graph_here)->overrun;
	ev->calltime = e->calltime;
	ev->rettime = now;
}

static notrace void record_exit(const struct graph_entry *e, u64 now, u32 word)
{
	bool with_value = READ_ONCE(graph_options.retval);
	struct graph_exit_event *ev = ring_buffer_reserve_here(
		TRACE_GRAPH_RET, with_value ? sizeof(*ev) : GRAPH_EXIT_SIZE, read_eflags(), word);

	if (!ev)
		return;
	fill_exit(ev, e, now);
	if (with_value)
		ev->retval = graph_retval(e);
	ring_buffer_commit_here(ev);
}

static notrace void nobody_asks(struct graph_entry *e) {}

/* The entry first: a function whose return alone was recorded would say little. */
static notrace void enter(struct graph_stack *g, u64 ip, u32 state, u32 word, struct ftrace_frame *frame)
{
	void (*exit)(struct graph_entry *) = state & GRAPH_HIDDEN ? nobody_asks : trace_graph_return;
	struct graph_entry *top = g->top, *e;

	if (top >= g->last) {
		g->overrun += g->last != graph_no_entries;
		return;
	}
	e = graph_hook(g, top, ip, frame, state, exit, trace_clock_read());
	if (!(state & GRAPH_HIDDEN) && !tracing_thresh && !record_entry(e, word))
		graph_unhook(e);
}

static notrace void enter_guarded(u64 ip, u32 word, struct ftrace_frame *frame, u64 none)
{
	struct graph_stack *g = this_cpu(graph_here);
	u32 state = graph_filter(ip, g->top->state, word);

	if (state)
		enter(g, ip, state, word, frame);
}

/* Preemption is off, here and in those below, and on again at the end. */
static noinline notrace void enter_slowly(u64 ip, u32 word, struct ftrace_frame *frame)
{
	guard_call(GUARD_FUNCTION, word, enter_guarded, ip, word, frame, 0);
	preempt_enable();
}

/* What the fast way began is given up first; here, as there it would keep registers busy. */
static noinline notrace void enter_again(struct graph_entry *e, u32 word, struct ring_cpu *r)
{
	guard_set(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
	ring_give_up(r);
	if (!record_entry(e, word))
		graph_unhook(e);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
	preempt_enable();
}

/*
 * What nearly every call is, a thread's with room on its stack and on the page, is done here without a function more. The
 * guard is only looked at: nothing here could be traced in this context.
 */
static notrace void trace_graph_entry(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
				      struct ftrace_frame *frame)
{
	u32 word = context_read(); /* the traced function's */
	struct graph_entry_event *ev;
	struct trace_entry *entry;
	struct graph_stack *g;
	struct graph_entry *top, *e;
	struct ring_cpu *r;
	u64 now;

	preempt_disable(); /* guard bit and ring are this CPU's */
	r = this_cpu(live_ring);
	if (unlikely(!r))
		goto out;
	if (unlikely(!context_is_plain(word)) || static_branch_unlikely(&slow_key))
		goto slow;
	if (unlikely(this_cpu(guard_bits) & GUARD_BIT(GUARD_FUNCTION, GUARD_TASK)))
		goto slow;
	g = this_cpu(graph_here);
	top = g->top;
	if (unlikely(top >= g->last))
		goto slow;
	now = trace_clock_read();
	e = graph_hook(g, top, ip, frame, top->state + 1, trace_graph_return, now);
	entry = ring_reserve_at(r, sizeof(*entry) + sizeof(*ev), now);
	if (unlikely(!entry))
		goto no_room;
	ev = trace_entry_fill(entry, TRACE_GRAPH_ENT, read_eflags(), word);
	ev->func = ip;
	ev->depth = graph_depth(e);
	ring_commit(r);
out:
	preempt_enable();
	return;
no_room:
	enter_again(e, word, r);
	return;
slow:
	enter_slowly(ip, word, frame);
}

static notrace void leave_guarded(const struct graph_entry *e, u64 now, u32 word, u64 none)
{
	if (READ_ONCE(running) && now - e->calltime >= tracing_thresh)
		record_exit(e, now, word);
}

static noinline notrace void leave_slowly(const struct graph_entry *e, u64 now, u32 word)
{
	guard_call(GUARD_FUNCTION, word, leave_guarded, e, now, word, 0);
	preempt_enable();
}

static noinline notrace void leave_again(const struct graph_entry *e, u64 now, u32 word, struct ring_cpu *r)
{
	guard_set(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
	ring_give_up(r);
	record_exit(e, now, word);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
	preempt_enable();
}

static __always_inline void leave(const struct graph_entry *e)
{
	u64 now = trace_clock_read();
	u32 word = context_read();
	struct trace_entry *entry;
	struct ring_cpu *r;

	preempt_disable();
	r = this_cpu(live_ring);
	if (unlikely(!r))
		goto out;
	if (unlikely(!context_is_plain(word)) || static_branch_unlikely(&slow_key))
		goto slow;
	if (unlikely(this_cpu(guard_bits) & GUARD_BIT(GUARD_FUNCTION, GUARD_TASK)))
		goto slow;
	entry = ring_reserve_at(r, sizeof(*entry) + GRAPH_EXIT_SIZE, now);
	if (unlikely(!entry))
		goto no_room;
	fill_exit(trace_entry_fill(entry, TRACE_GRAPH_RET, read_eflags(), word), e, now);
	ring_commit(r);
out:
	preempt_enable();
	return;
no_room:
	leave_again(e, now, word, r);
	return;
slow:
	leave_slowly(e, now, word);
}

/* A name for leave(): graph_return() knows it, and calls nobody. */
static notrace void trace_graph_return(struct graph_entry *e) { BUG_ON(true); }

/* Out of line: so that nothing of it is fetched before it is known to be needed. */
static noinline notrace void call_exit(struct graph_entry *e) { e->exit(e); }

/*
 * The real address is in its slot before the entry is gone: whoever looks at the stack in between finds one or the
 * other. If two had hooked this return, the first one's is return_to_handler again, and so we come here again.
 */
notrace void graph_return(struct return_frame *frame)
{
	struct graph_stack *g = this_cpu(graph_here);
	struct graph_entry *e = g->top;

	if (unlikely(e->slot != &frame->slot))
		e = graph_skip_stale(g, &frame->slot);
	if (likely(e->exit == trace_graph_return))
		leave(e);
	else
		call_exit(e);
	*(u64 *)e->slot = e->ret;
	graph_pop(e);
}

void graph_slow_refresh(void)
{
	static_key_set(&slow_key, !running || graph_filter_active() || ftrace_pids_active() ||
					  tracing_thresh || graph_options.retval || !ring_clock_is_local() ||
					  static_key_enabled(&guard_policy_key));
}

static struct ftrace_ops graph_ops = { .func = trace_graph_entry, .hash = &ftrace_global_hash };

/* Those who are inside now return later, by their threads' stacks of returns, and are not recorded. */
static void graph_stop(void)
{
	unregister_ftrace_function(&graph_ops);
	current_look = NULL;
	WRITE_ONCE(running, false);
	graph_slow_refresh();
	graph_threads_done();
}

static int graph_start(void)
{
	int err = graph_threads_want();

	if (err)
		return err;
	WRITE_ONCE(running, true);
	ring_clock_changed = graph_slow_refresh;
	graph_slow_refresh();
	current_look = &graph_look;
	err = register_ftrace_function(&graph_ops);
	if (err)
		graph_stop();
	return err;
}

TRACER(graph_tracer, .name = "function_graph", .start = graph_start, .stop = graph_stop);
