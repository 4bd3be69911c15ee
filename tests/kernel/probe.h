/* What tests of probes and traps share: a probe set and taken away, this CPU's accounts, black-box records. */
#pragma once

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/black_box.h"
#include "context/context.h"
#include "context/trap.h"
#include "kprobe/kprobe.h"
#include "lib/ktest.h"
#include "lib/string.h"

/* probe.c. False, and a failure, when it can't be set; then there is nothing to take away. */
bool probe_on(struct kprobe *p);
static inline void probe_off(struct kprobe *p) { kprobe_unregister(p); }

/* For memcmp: no padding may differ. */
static inline struct cpu_accounts accounts_now(void)
{
	struct cpu_accounts a;

	memset(&a, 0, sizeof(a));
	accounts_save(&a);
	return a;
}
/*
 * sweep_batch.c. After a bust: those of a sweep's probes that nothing has hit yet are armed again, so that they see what the
 * test does next. Thread context that may wait.
 */
void sweep_arm_again(void);
/* contexts.c: steps under way. Hidden: the instruction that reads it would be in a step itself. */
u32 steps_now(void);
/*
 * May another thread have run here since? Then this one is on another CPU perhaps, or this CPU has idled: the watching
 * counter has gone on, by whole rounds.
 */
static inline bool may_be_preempted(void) { return irqs_enabled() && !in_atomic(); }

/* Field by field: padding may differ. And an interrupt may want another thread to run, at any time. */
#define EXPECT_ACCOUNTS(before)                                                \
	do {                                                                   \
		struct cpu_accounts _now = accounts_now();                     \
		EXPECT_EQ(_now.context_word | CONTEXT_NO_RESCHED,              \
			  (before).context_word | CONTEXT_NO_RESCHED);         \
		EXPECT_EQ(_now.guard_bits, (before).guard_bits);               \
		EXPECT_EQ(_now.bb_depth, (before).bb_depth);                   \
		if (may_be_preempted())                                        \
			EXPECT_EQ(_now.watch.counter & 1, 1);                  \
		else                                                           \
			EXPECT_EQ(_now.watch.counter, (before).watch.counter); \
		EXPECT_EQ(_now.watch.nesting, (before).watch.nesting);         \
		EXPECT_EQ(_now.watch.nmi_nesting, (before).watch.nmi_nesting); \
		EXPECT_EQ(steps_now(), 0);                                     \
	} while (0)

/* Record number @n, counted as black_box_mark() counts. */
static inline struct bb_record box_record(u32 n)
{
	struct bb_record r;

	memcpy(&r, &bb_ring[n % BLACK_BOX_RECORDS], sizeof(r));
	return r;
}
