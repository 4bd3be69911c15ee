/* Who called whom: the chain of frame pointers, across trampolines, traps and stacks. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

enum unwind_kind {
	UNWIND_RETURN,	    /* a return address: its call is before it */
	UNWIND_INTERRUPTED, /* where a trap came */
	UNWIND_TRAP,	    /* the trap's vector */
};

/*
 * Called for each place found, innermost first; @frame: the frame its address was found in (of a trampoline's, the
 * struct ftrace_frame), or NULL. False: enough.
 */
typedef bool (*unwind_fn)(void *arg, enum unwind_kind kind, u64 value, const void *frame);

/*
 * Any context. From @regs, or when that is NULL, from the frame at @from. Reads only inside known stacks, so a spoiled chain just
 * ends. True if it ended by itself.
 */
bool unwind(const struct pt_regs *regs, const void *from, unwind_fn each, void *arg);

/* kprobe/'s, any context: where what runs at @ip is at home, if that is a probed instruction's copy or a detour; else @ip. */
u64 text_original(u64 ip);
