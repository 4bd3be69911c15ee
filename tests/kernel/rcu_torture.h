/*
 * Readers and updaters that meet as often as can be, and how old the readers found what they read.
 *
 * An element's age is 0 while it is published, 1 once it is taken out, and one more after each grace period since. A
 * reader that sees 2 or more has outlived a grace period that should have waited for it.
 */
#pragma once

#include "lib/types.h"
#include "rcu/rcu.h"

#define TORTURE_SLOTS 4 /* one for each way to wait */
#define TORTURE_AGES  5 /* then it is freed */

struct torture_element {
	struct rcu_head head;
	u32 age;
	u64 content[3];
};

extern struct torture_element *torture_slots[TORTURE_SLOTS];

/* Any context. Does @e hold what torture_element_new() put there? */
bool torture_intact(const struct torture_element *e);

/* Where a reader was; the last is an NMI that came to an idle CPU. */
enum torture_reader { READ_THREAD, READ_IRQ, READ_INT3, READ_NMI, READ_IDLE_NMI, READ_KINDS };

/* How many readers of each kind found which age; those that found it spoiled. */
extern u64 torture_ages[READ_KINDS][TORTURE_AGES + 1], torture_spoiled;

/* Any context. How many readers of @kind found @age or more. */
u64 torture_older(enum torture_reader kind, u32 age);

/* Thread context. Readers of all kinds, on all CPUs, until torture_readers_stop(). False: they couldn't be started. */
bool torture_readers_start(void);
void torture_readers_stop(void);

/* Elements, and callbacks: all only grow. */
extern struct torture_counts {
	u64 made, freed, queued, called;
} torture_counts;

/* Thread context. One for each slot, until torture_updaters_stop(); callbacks may be waiting still. */
void torture_updaters_start(void);
void torture_updaters_stop(void);
