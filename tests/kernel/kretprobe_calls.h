/* What the tests of return probes share: one that is set by each of two ways, what its handlers were called for, and what is probed. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "kprobe/kretprobe.h"
#include "tests/kernel/probe.h"

/* The handlers' calls since ret_on(), one after the other. */
struct ret_call {
	const struct kretprobe *rp;
	u64 result;
};
#define RET_CALLS 128
extern struct ret_call calls[RET_CALLS];
extern unsigned nr_calls;
void note_return(struct kretprobe_instance *ri, struct pt_regs *regs);
/* For NMI and all. Counts alone. */
void count_return(struct kretprobe_instance *ri, struct pt_regs *regs);

/* How the entry is hit: by the tracer's call, and by an int3. */
extern enum kprobe_technique ret_way;
#define EACH_WAY(name)                                                                       \
	static void name(void);                                                              \
	KTEST(kretprobe, name)                                                               \
	{                                                                                    \
		static const enum kprobe_technique ways[] = { KPROBE_AUTO, KPROBE_EMULATE }; \
                                                                                             \
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {                              \
			ret_way = ways[i];                                                   \
			name();                                                              \
		}                                                                            \
	}                                                                                    \
	static void name(void)

/* Registered and armed, by ret_way. False, and a failure, when it can't be. */
bool ret_on(struct kretprobe *rp);
/* This thread's stack of returns, as it was at ret_on(). */
extern struct graph_entry *ret_top_before;
bool stack_is_as_before(void);

#define HANDLED(f, h, ...)                                       \
	{                                                        \
		.kp.addr = (u64)(f), .handler = (h), __VA_ARGS__ \
	}
#define PROBE_ON(f, ...) HANDLED(f, note_return, __VA_ARGS__)

u64 doubled(u64 n);
u64 doubled_and_one(u64 n); /* calls it */
u64 sum_of_both(u64 n);	    /* of what the two say of @n */
