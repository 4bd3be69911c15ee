/* Hooking a function's return from its entry, and what the graph tracer's files share. */
#pragma once

#include "arch/x86/entry/graph.h"
#include "ftrace/ftrace.h"
#include "trace/clock.h"
#include "trace/output.h"

/* What graph_entry.state says of all that is called in it. */
#define GRAPH_DEPTH  0xffffu
#define GRAPH_INSIDE (1u << 16) /* a function of set_graph_function is being executed */
#define GRAPH_HIDDEN (1u << 17) /* ... of set_graph_notrace */

/*
 * notrace, inlined, these: for consumers of function entries. @top is @g's, as it is, and isn't the
 * last: there is room. The new one; @state is for what is called in it.
 *
 * The state is written twice: whoever comes in between the claim and the rest must find it below him, and who comes before it
 * may spoil it.
 */
static __always_inline struct graph_entry *graph_claim(struct graph_stack *g, struct graph_entry *top,
						       u32 state)
{
	struct graph_entry *e = top + 1;

	__asm__("" : "+r"(e)); /* GCC would keep @top beside it */
	WRITE_ONCE(e->state, state);
	WRITE_ONCE(g->top, e);
	WRITE_ONCE(e->state, state);
	return e;
}

/* The function's return is hooked. */
static __always_inline struct graph_entry *graph_hook(struct graph_stack *g, struct graph_entry *top,
						      u64 func, struct ftrace_frame *frame, u32 state,
						      void (*exit)(struct graph_entry *), u64 now)
{
	struct graph_entry *e = graph_claim(g, top, state);

	e->ret = frame->parent;
	e->slot = &frame->parent;
	e->func = func;
	e->exit = exit;
	e->calltime = now;
	barrier();
	frame->parent = (u64)return_to_handler;
	return e;
}

static __always_inline void graph_pop(struct graph_entry *e)
{
	barrier();
	WRITE_ONCE(this_cpu(graph_here)->top, e - 1);
}

/* The last one hooked, and its function hasn't gone on: never mind. */
static __always_inline void graph_unhook(struct graph_entry *e)
{
	*(u64 *)e->slot = e->ret;
	graph_pop(e);
}

/* Of the function itself: how many it is called in. */
static __always_inline s32 graph_depth(const struct graph_entry *e)
{
	return (s32)(e[-1].state & GRAPH_DEPTH);
}

/* graph.c. The entry of @slot, which isn't the last: those above are dropped. */
struct graph_entry *graph_skip_stale(struct graph_stack *g, const u64 *slot);

/* Called when a hooked function returns. */
void graph_return(struct return_frame *frame);

/* graph_options.c: the files options/funcgraph-* and their kin. */
struct graph_options {
	bool overrun, cpu, overhead, proc, duration, abstime, irqs, tail, retval, retval_hex;
	bool sleep_time, graph_time;
};
extern struct graph_options graph_options;

/* graph_filter.c. Preemption off; @state: the caller's. What a call of @func has, or 0: it isn't traced. */
u32 graph_filter(u64 func, u32 state, u32 word);
bool graph_filter_active(void);

/* graph_print.c */
extern const struct trace_look graph_look;
/* Thread context. Microseconds with up to three digits behind the point, as many as eight columns have room for. */
void graph_print_time(struct seq *out, u64 ns);

/* graph_tracer.c: what it does has changed. */
void graph_slow_refresh(void);

/* The records, as Linux has them. */
struct graph_entry_event {
	u64 func;
	s32 depth;
} __packed;
struct graph_exit_event {
	u64 func;
	s32 depth;
	u32 overrun;
	u64 calltime, rettime;
	u64 retval; /* only with options/funcgraph-retval */
} __packed;
#define GRAPH_EXIT_SIZE offsetof(struct graph_exit_event, retval)
