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

/* notrace, inlined, these: for consumers of function entries. The state that a call from here has. */
static __always_inline u32 graph_state(const struct graph_stack *g)
{
	return g->entries[READ_ONCE(g->top) - 1].state;
}

static __always_inline bool graph_has_room(const struct graph_stack *g)
{
	return READ_ONCE(g->top) < READ_ONCE(g->room);
}

/*
 * There is room. The next entry is the caller's, who fills it by graph_hook() or gives it back, the last thing that he
 * took. The state is written twice: whoever comes in between the two must find it below him, and who comes before may spoil it.
 */
static __always_inline struct graph_entry *graph_claim(struct graph_stack *g, u32 state)
{
	u32 top = READ_ONCE(g->top);
	struct graph_entry *e = &g->entries[top];

	WRITE_ONCE(e->state, state);
	WRITE_ONCE(g->top, top + 1);
	WRITE_ONCE(e->state, state);
	return e;
}

static __always_inline void graph_unclaim(struct graph_stack *g, struct graph_entry *e)
{
	barrier();
	WRITE_ONCE(g->top, (u32)(e - g->entries));
}

static __always_inline void graph_hook(struct graph_entry *e, u64 func, struct ftrace_frame *frame,
				       void (*exit)(struct graph_entry *, u64))
{
	e->ret = frame->parent;
	e->slot = &frame->parent;
	e->func = func;
	e->exit = exit;
	e->subtime = 0;
	e->calltime = trace_clock_read();
	barrier();
	frame->parent = (u64)return_to_handler;
}

/* Called when a hooked function returns. */
void graph_return(struct return_frame *frame);

/* graph_options.c: the files options/funcgraph-* and their kin. */
struct graph_options {
	bool overrun, cpu, overhead, proc, duration, abstime, irqs, tail, retval, retval_hex;
	bool sleep_time, graph_time;
};
extern struct graph_options graph_options;
void graph_options_init(void);

/* graph_filter.c. Preemption off; @state: the caller's. What a call of @func has, or 0: it isn't traced. */
u32 graph_filter(u64 func, u32 state, u32 word);
bool graph_filter_active(void);

/* graph_print.c */
extern const struct trace_look graph_look;

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
