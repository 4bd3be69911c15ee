/* Where hooked functions return to: the entry that belongs to the slot is found, told, and gone. */
#include "ftrace/graph.h"

#include "lib/bug.h"

/*
 * The entry of @slot. What is above it belongs to functions that never will return: somebody has moved the stack
 * pointer past them. Slots say so themselves; nothing is said of which is deeper, as stacks differ.
 */
static notrace noinline struct graph_entry *skip_stale(struct graph_stack *g, const u64 *slot)
{
	u32 i = g->top - 1;

	while (i && g->entries[i].slot != slot)
		i--;
	if (!i)
		panic("ftrace: a hooked function returns by %p, and where to isn't known",
		      (const void *)slot);
	WRITE_ONCE(g->top, i + 1);
	return &g->entries[i];
}

/*
 * notrace: called after every traced function. The real address is in its slot before the entry is gone: whoever
 * looks at the stack in between finds one or the other. It is return_to_handler again if two had hooked this return.
 */
notrace void graph_return(struct return_frame *frame)
{
	struct graph_stack *g = this_cpu(graph_here);
	u64 ret;

	do {
		struct graph_entry *e = &g->entries[g->top - 1];

		if (unlikely(e->slot != &frame->slot))
			e = skip_stale(g, &frame->slot);
		if (likely(e->exit))
			e->exit(e, frame->ax);
		ret = e->ret;
		frame->slot = ret;
		graph_unclaim(g, e);
	} while (unlikely(ret == (u64)return_to_handler));
}
