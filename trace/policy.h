/*
 * Which events count as recursion: the positions of a discussion, to be tried against each other at run time. All but one are
 * here; by-context is the usual one, and inline (trace/guard.h).
 */
#pragma once

#include "lib/compiler.h"
#include "lib/static_key.h"
#include "lib/types.h"

enum guard_kind { GUARD_FUNCTION, GUARD_TRACEPOINT, GUARD_KPROBE, GUARD_MISSED, NR_GUARD_KINDS };

/* What of an event's is taken while it is recorded, and drops another that wants the same. */
enum guard_policy {
	POLICY_NONE,	/* nothing: a recursion ends with the stack */
	POLICY_FLAG,	/* one flag of the CPU, "in a tracer" */
	POLICY_KIND,	/* one of the kind, in whatever context */
	POLICY_CONTEXT, /* one of the kind in this context */
	POLICY_STACK,	/* the same, but int3 and #DB are of the context that they interrupted */
	NR_POLICIES
};
extern const char *const policy_names[NR_POLICIES];

/* The key is on while it isn't POLICY_CONTEXT. */
extern enum guard_policy guard_policy;
extern struct static_key guard_policy_key;
static __always_inline bool guard_by_other_policy(void) { return static_branch_unlikely(&guard_policy_key); }

/*
 * On for POLICY_FLAG when int3 asks for the flag before it tells RCU (recursion/flag_at): a probe that is hit while that is taken has no effect but
 * its instruction's.
 */
extern struct static_key flag_first_key;

/*
 * Any context, preemption off. As guard_enter_in(), by whatever policy there is: what to give back to guard_leave(), or 0.
 * @word: the context word of what is guarded.
 */
u32 policy_enter(enum guard_kind kind, u32 word);
/* The same in an int3 or #DB, of which this is the first question, or the last. */
u32 policy_enter_trap(enum guard_kind kind);
/* The same for what belongs to an event that may be recorded already, and isn't one of its own. */
u32 policy_enter_within(enum guard_kind kind, u32 word);

/* By POLICY_NONE nothing is recorded any more, since a recursion was given up; until policy_set(). */
extern bool instruments_off;
/* The last such recursion; and how many there were. */
struct given_up {
	void *function; /* what was guarded */
	u32 depth;
	u64 stack; /* bytes that it took */
	u64 count;
};
extern struct given_up given_up;

/* See guard_call(); this has preemption off meanwhile. */
typedef void (*guarded_fn)(u64 a, u64 b, u64 c, u64 d);
bool policy_call(enum guard_kind kind, u32 word, guarded_fn fn, u64 a, u64 b, u64 c, u64 d);

/* kprobe/'s, which all that asks the guard lies below. Thread context; one at a time. */
void policy_set(enum guard_policy policy);
