/* Timers: a function called in hardirq context at a time, on the CPU that asked. */
#pragma once

#include "lib/list.h"
#include "lib/types.h"

struct timer {
	u64 expires; /* ns of trace_clock() */
	void (*fn)(struct timer *t);
	u32 cpu;
	struct list_head link; /* empty when not pending */
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Task or hardirq context. On this CPU; a pending timer is moved. */
void timer_set(struct timer *t, u64 expires);
/*
 * Task context. Afterwards its function doesn't run any more, though it may set the timer itself; true if it was
 * pending.
 */
bool timer_cancel(struct timer *t);

/* Hardirq context: the LAPIC timer's interrupt. */
void timer_interrupt(void);
/* Boot, each CPU once. */
void timer_init_cpu(void);

struct run_queue;
/* Interrupts off, @rq this CPU's and locked: the hardware is set to whatever comes first. */
void timer_reprogram(struct run_queue *rq);

/* Task context. Blocks for at least @ns. */
void sleep_ns(u64 ns);
/* As schedule(), and woken at @deadline at the latest; ~0: never. */
void schedule_until(u64 deadline);
bool time_after_deadline(u64 deadline);
