/* The function_graph tracer: a record for each traced function's entry, and one for its return. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "ftrace/graph.h"
#include "ftrace/latency.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "sched/thread.h"
#include "trace/event.h"
#include "trace/guard.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"

/* What few ask for: filters, a threshold, return values. Without it the tracer only has a nop there. */
static struct static_key slow_key;
static bool recording;

static bool running;

static notrace void function_returns(struct graph_entry *e, u64 retval);

/* notrace, here and below: called by every traced function; as a traced one it would call itself. */
static notrace bool record_entry(u64 func, u32 state, u32 word)
{
	struct graph_entry_event *ev =
		ring_buffer_reserve_here(TRACE_GRAPH_ENT, sizeof(*ev), read_eflags(), word);

	if (!ev)
		return false;
	ev->func = func;
	ev->depth = (s32)(state & GRAPH_DEPTH) - 1;
	ring_buffer_commit_here(ev);
	return true;
}

static __always_inline void fill_exit(struct graph_exit_event *ev, const struct graph_entry *e, u64 now)
{
	ev->func = e->func;
	ev->depth = (s32)(e->state & GRAPH_DEPTH) - 1;
	ev->overrun = this_cpu(graph_here)->overrun;
	ev->calltime = e->calltime;
	ev->rettime = now;
}

static notrace void record_exit(const struct graph_entry *e, u64 now, u64 retval, u32 word)
{
	bool with_value = READ_ONCE(graph_options.retval);
	struct graph_exit_event *ev = ring_buffer_reserve_here(
		TRACE_GRAPH_RET, with_value ? sizeof(*ev) : GRAPH_EXIT_SIZE, read_eflags(), word);

	if (!ev)
		return;
	fill_exit(ev, e, now);
	if (with_value)
		ev->retval = retval;
	ring_buffer_commit_here(ev);
}

/* The entry first: a function whose return alone was recorded would say little. */
static notrace void enter(struct graph_stack *g, u64 ip, u32 state, u32 word, struct ftrace_frame *frame)
{
	struct graph_entry *e;

	if (!graph_has_room(g)) {
		g->overrun += g->entries != NULL;
		return;
	}
	e = graph_claim(g, state);
	if (state & GRAPH_HIDDEN)
		graph_hook(e, ip, frame, NULL);
	else if (tracing_thresh || record_entry(ip, state, word))
		graph_hook(e, ip, frame, function_returns);
	else
		graph_unclaim(g, e);
}

static noinline notrace void enter_slowly(u64 ip, u32 word, struct ftrace_frame *frame)
{
	struct graph_stack *g = this_cpu(graph_here);
	u32 guard = guard_enter_in(GUARD_FUNCTION, guard_context(word)), state;

	if (!guard)
		return;
	state = g->entries ? graph_filter(ip, graph_state(g), word) : 0;
	if (state)
		enter(g, ip, state, word, frame);
	guard_leave(guard);
}

/* What the fast way began is given up first; here, as there it would keep registers busy. */
static noinline notrace void enter_again(u64 ip, u32 word, struct ftrace_frame *frame, struct ring_cpu *r,
					 struct graph_entry *e)
{
	struct graph_stack *g = this_cpu(graph_here);

	ring_give_up(r);
	if (record_entry(ip, e->state, word))
		graph_hook(e, ip, frame, function_returns);
	else
		graph_unclaim(g, e);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
}

/* What nearly every call is, a thread's with room on its stack and on the page, is done here without a function more. */
static notrace void function_entered(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
				     struct ftrace_frame *frame)
{
	const u32 guard = GUARD_BIT(GUARD_FUNCTION, GUARD_TASK);
	struct graph_entry_event *ev;
	struct trace_entry *entry;
	struct graph_stack *g;
	struct graph_entry *e;
	struct ring_cpu *r;
	u32 word;

	if (!ring_buffer_is_live())
		return;
	word = context_read(); /* the traced function's */
	preempt_disable();     /* guard bit and ring are this CPU's */
	r = this_cpu(live_ring);
	g = this_cpu(graph_here);
	if (unlikely(!r))
		goto out;
	if (unlikely(!context_is_plain(word)) || static_branch_unlikely(&slow_key))
		goto slow;
	if (unlikely(this_cpu(guard_bits) & guard) || unlikely(!graph_has_room(g)))
		goto slow;
	guard_set(guard);
	e = graph_claim(g, graph_state(g) + 1);
	entry = ring_reserve_fast(r, sizeof(*entry) + sizeof(*ev));
	if (unlikely(!entry))
		goto no_room;
	ev = trace_entry_fill(entry, TRACE_GRAPH_ENT, read_eflags(), word);
	ev->func = ip;
	ev->depth = (s32)(e->state & GRAPH_DEPTH) - 1;
	ring_commit(r);
	guard_leave(guard);
	graph_hook(e, ip, frame, function_returns);
out:
	preempt_enable();
	return;
no_room:
	enter_again(ip, word, frame, r, e);
	preempt_enable();
	return;
slow:
	enter_slowly(ip, word, frame);
	preempt_enable();
}

static noinline notrace void leave_slowly(const struct graph_entry *e, u64 now, u64 retval, u32 word)
{
	u32 guard = guard_enter_in(GUARD_FUNCTION, guard_context(word));

	if (!guard)
		return;
	if (now - e->calltime >= tracing_thresh)
		record_exit(e, now, retval, word);
	guard_leave(guard);
}

static noinline notrace void leave_again(const struct graph_entry *e, u64 now, u32 word, struct ring_cpu *r)
{
	ring_give_up(r);
	record_exit(e, now, 0, word);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
}

static notrace void function_returns(struct graph_entry *e, u64 retval)
{
	const u32 guard = GUARD_BIT(GUARD_FUNCTION, GUARD_TASK);
	u64 now = trace_clock_read();
	struct trace_entry *entry;
	struct ring_cpu *r;
	u32 word;

	if (!ring_buffer_is_live() || !READ_ONCE(recording))
		return;
	word = context_read();
	preempt_disable();
	r = this_cpu(live_ring);
	if (unlikely(!r))
		goto out;
	if (unlikely(!context_is_plain(word)) || static_branch_unlikely(&slow_key))
		goto slow;
	if (unlikely(this_cpu(guard_bits) & guard))
		goto slow;
	guard_set(guard);
	entry = ring_reserve_fast(r, sizeof(*entry) + GRAPH_EXIT_SIZE);
	if (unlikely(!entry))
		goto no_room;
	fill_exit(trace_entry_fill(entry, TRACE_GRAPH_RET, read_eflags(), word), e, now);
	ring_commit(r);
	guard_leave(guard);
out:
	preempt_enable();
	return;
no_room:
	leave_again(e, now, word, r);
	preempt_enable();
	return;
slow:
	leave_slowly(e, now, retval, word);
	preempt_enable();
}

void graph_slow_refresh(void)
{
	static_key_set(&slow_key, running && (graph_filter_active() || ftrace_pids_active() ||
					      tracing_thresh || graph_options.retval));
}

static struct ftrace_ops graph_ops = { .func = function_entered, .hash = &ftrace_global_hash };

/* Those who are inside now return later, by their threads' stacks of returns, and are not recorded. */
static void graph_stop(void)
{
	unregister_ftrace_function(&graph_ops);
	WRITE_ONCE(recording, false);
	current_look = NULL;
	running = false;
	graph_slow_refresh();
	graph_threads_done();
}

static int graph_start(void)
{
	int err = graph_threads_want();

	if (err)
		return err;
	running = true;
	graph_slow_refresh();
	WRITE_ONCE(recording, true);
	current_look = &graph_look;
	err = register_ftrace_function(&graph_ops);
	if (err)
		graph_stop();
	return err;
}

TRACER(graph_tracer, .name = "function_graph", .start = graph_start, .stop = graph_stop);
