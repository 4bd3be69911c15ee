/*
 * Hooked returns: where a traced function's return address lay, there is return_to_handler's (or, for a return probe,
 * return_to_probe's), and its own is kept in the thread's stack of returns.
 *
 * Whoever comes in between (an interrupt, an int3, an NMI) puts his above and takes them away again, so there is nothing
 * to lock. An entry is known by the address of its slot: what is above the one that returns is stale, of functions that
 * never will. docs/TRICKS.md has the arguments.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/pt_regs.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct graph_entry {
	u64 ret;	 /* where it really returns to */
	const u64 *slot; /* where that lay */
	u64 func;
	u64 calltime;			     /* ns */
	void (*exit)(struct graph_entry *e); /* called when it returns; preemption as it was */
	union {
		u64 subtime; /* ns; the profiler's */
		u32 *open;   /* the return probe's: how many of its calls there are */
	};
	u32 state; /* the consumer's, which what is called in it starts from */
	u64 data;  /* the return probe's */
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

/* Two ways of calling back: by the entry's exit, with what a function returns; and by its exit's place, with all registers. */
extern const u8 return_to_handler[], return_to_probe[];
extern const u32 return_to_handler_size, return_to_probe_size;

static __always_inline bool is_hooked(u64 ret)
{
	return ret == (u64)return_to_handler || ret == (u64)return_to_probe;
}

/* What they save, lowest first. */
struct return_frame {
	u64 cx, dx, ax;
	u64 slot; /* of the hooked return address: a ret takes it from here */
};
struct return_regs {
	struct pt_regs regs; /* sp is too low by RETURN_REGS_SP, ip isn't set */
	u64 padding;
	u64 slot;
};
#define RETURN_REGS_SP 24

/*
 * An entry with this for its exit is a return probe's call, and counted in *open. It has it from when that is so until it
 * has returned or been given up: so no entry above the top one has it.
 */
#define GRAPH_PROBED ((void (*)(struct graph_entry *))return_to_probe)

/* Any context of the thread. @top and what is under it stay; what is above will never return. */
static __always_inline void graph_cut(struct graph_stack *g, struct graph_entry *top)
{
	for (struct graph_entry *e = g->top; e > top; e--)
		if (unlikely(e->exit == GRAPH_PROBED)) {
			e->exit = NULL;
			__atomic_fetch_sub(e->open, 1, __ATOMIC_RELEASE);
		}
	WRITE_ONCE(g->top, top);
}

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
static __always_inline bool in_probe_trampoline(u64 ip)
{
	return ip - (u64)return_to_probe - 1 < return_to_probe_size - 1;
}

/* Any context of the thread. The return address in @slot, as it was before it was hooked. */
u64 graph_original(const u64 *slot);
/* Where the return address of the function lies that this stands in; and that, as far as hooks go. */
#define RETURN_SLOT() ((const u64 *)__builtin_frame_address(0) + 1)
#define RETURN_ADDRESS()                                                     \
	({                                                                   \
		const u64 *_slot = RETURN_SLOT();                            \
		likely(!is_hooked(*_slot)) ? *_slot : graph_original(_slot); \
	})
