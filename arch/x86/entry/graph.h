/*
 * Hooked returns: where a traced function's return address lay, there is return_to_handler's, and its own is kept in
 * the thread's stack of returns.
 *
 * Whoever comes in between (an interrupt, an int3, an NMI) puts his above and takes them away again, so there is nothing
 * to lock. An entry is known by the address of its slot: what is above the one that returns is stale, of functions that
 * never will. docs/TRICKS.md has the arguments.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct graph_entry {
	u64 ret;	 /* where it really returns to */
	const u64 *slot; /* where that lay */
	u64 func;
	u64 calltime;			     /* ns */
	void (*exit)(struct graph_entry *e); /* called when it returns; preemption as it was */
	u64 subtime;			     /* ns; the profiler's */
	u32 state;			     /* the consumer's, which what is called in it starts from */
} __aligned(64);

/* A thread's, or nobody's. */
struct graph_stack {
	/* The last one taken and the last there is. Under the first is one without a slot, whose state the outermost starts from. */
	struct graph_entry *top, *last;
	u64 left;    /* ns: when it was switched away from */
	u32 overrun; /* calls passed over, as there was no room */
};
extern struct graph_entry graph_no_entries[1]; /* a stack without room: it is top and last */
#define GRAPH_STACK_NONE                                          \
	{                                                         \
		.top = graph_no_entries, .last = graph_no_entries \
	}

/* The current thread's. */
DECLARE_PER_CPU(struct graph_stack *, graph_here);

extern const u8 return_to_handler[];
extern const u32 return_to_handler_size;

/* What it saves, lowest first. */
struct return_frame {
	u64 cx, dx, ax;
	u64 slot; /* of the hooked return address: a ret takes it from here */
};

/* Within @e->exit: what the function returns. */
static __always_inline u64 graph_retval(const struct graph_entry *e)
{
	return container_of(e->slot, struct return_frame, slot)->ax;
}

/* Does a call in it return to @ip? Hooked functions return to its beginning. */
static __always_inline bool in_return_trampoline(u64 ip)
{
	return ip - (u64)return_to_handler - 1 < return_to_handler_size - 1;
}

/* Any context of the thread. The return address in @slot, as it was before it was hooked. */
u64 graph_original(const u64 *slot);
/* Where the return address of the function lies that this stands in; and that, as far as hooks go. */
#define RETURN_SLOT() ((const u64 *)__builtin_frame_address(0) + 1)
#define RETURN_ADDRESS()                                                                   \
	({                                                                                 \
		const u64 *_slot = RETURN_SLOT();                                          \
		likely(*_slot != (u64)return_to_handler) ? *_slot : graph_original(_slot); \
	})
