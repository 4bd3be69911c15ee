/* Functions that never return: their entries are found to be stale when somebody below them does. */
#include "ftrace/graph.h"

#include "lib/bug.h"

/*
 * notrace: called after traced functions. What is above belongs to functions that never will return: somebody has moved the stack
 * pointer past them. Slots say so themselves; nothing is said of which is deeper, as stacks differ.
 */
notrace struct graph_entry *graph_skip_stale(struct graph_stack *g, const u64 *slot)
{
	struct graph_entry *e = g->top;

	while (e->slot && e->slot != slot)
		e--;
	if (!e->slot)
		panic("ftrace: a hooked function returns by %p, and where to isn't known",
		      (const void *)slot);
	graph_cut(g, e);
	return e;
}
