/* The irqsoff tracer: the longest stretch is the one we know to be, and it says who made it. */
#include "ftrace/irqsoff.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "ftrace/latency.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/contexts.h"
#include "trace/clock.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

#define MS    1000000ul
#define TRIES 50

static int put(const char *file, const char *text)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, text, strlen(text), false);
}

static void start(void)
{
	EXPECT_EQ(put("set_ftrace_filter", "irqsoff_test_*"), 0);
	EXPECT_EQ(put("current_tracer", "irqsoff"), 0);
}
static void stop(void)
{
	EXPECT_EQ(put("current_tracer", "nop"), 0);
	EXPECT_EQ(put("set_ftrace_filter", ""), 0);
}

static u64 spent; /* ns within the stretch */
static noinline void irqsoff_test_callee(void) { barrier(); }

/* Longer than whatever was found before. */
static void spin(u64 ns)
{
	u64 from = trace_clock();

	irqsoff_test_callee();
	while (trace_clock() - from <= ns)
		cpu_relax();
	spent = trace_clock() - from;
}

static noinline void irqsoff_test_off(void)
{
	u64 flags = local_irq_save(), inner, from = trace_clock();

	inner = local_irq_save();
	spin(READ_ONCE(tracing_max_latency) + MS);
	local_irq_restore(inner); /* not yet */
	local_irq_disable();	  /* they are off: nothing new begins */
	irqsoff_test_callee();
	spent = trace_clock() - from;
	local_irq_restore(flags);
}
static noinline void irqsoff_test_caller(void)
{
	irqsoff_test_off();
	barrier();
}

static struct irqsoff_longest found;
static struct irqsoff_note (*found_notes)[IRQSOFF_NOTES];

/* Another CPU may have waited even longer for its host: then once more. */
static bool longest_is_of(void (*stretch)(void))
{
	if (!FRAMES_ONCE(found_notes))
		return false;
	for (int i = 0; i < TRIES; i++) {
		u64 before = trace_clock(), all;

		stretch();
		all = trace_clock() - before;
		EXPECT(tracing_max_latency >= spent);
		found = irqsoff_longest;
		found.notes = memcpy(found_notes, irqsoff_longest.notes, sizeof(*found_notes));
		if (found.since >= before && found.cpu == this_cpu(cpu_number) && found.ns <= all)
			return true;
	}
	return false;
}

static bool is_noted(void (*function)(void))
{
	for (u32 i = 0; i < found.nr; i++)
		if (found.notes[i].ip == (u64)function)
			return true;
	return false;
}

static bool lies_in(u64 ip, void (*function)(void)) { return ip - (u64)function < 1024; }

KTEST(irqsoff, the_longest_and_who_made_it)
{
	EXPECT_EQ(thread_set_affinity(1u << this_cpu(cpu_number)), 0);
	start();
	EXPECT(longest_is_of(irqsoff_test_caller));
	EXPECT(lies_in(found.began_at, irqsoff_test_caller));
	EXPECT(lies_in(found.ended_at, irqsoff_test_caller));
	EXPECT(lies_in(found.notes[0].ip, irqsoff_test_off));
	EXPECT(is_noted(irqsoff_test_callee));
	EXPECT(!is_noted(irqsoff_test_caller)); /* it was called before */
	EXPECT_EQ(found.nr, found.written);
	stop();
	thread_set_affinity(CPU_MASK_ALL);
}

static void spin_in_handler(void) { spin(READ_ONCE(tracing_max_latency) + MS); }
static void irqsoff_test_handler(void) { in_irq(spin_in_handler); }

KTEST(irqsoff, an_interrupts_handler_is_one)
{
	EXPECT_EQ(thread_set_affinity(1u << this_cpu(cpu_number)), 0);
	start();
	EXPECT(longest_is_of(irqsoff_test_handler));
	EXPECT(is_noted(irqsoff_test_callee));
	stop();
	thread_set_affinity(CPU_MASK_ALL);
}

KTEST(irqsoff, what_is_off_or_stopped_measures_nothing)
{
	u64 max;

	start();
	tracing_off();
	max = tracing_max_latency;
	irqsoff_test_caller();
	EXPECT_EQ(tracing_max_latency, max);
	tracing_on();
	stop();
	max = tracing_max_latency;
	irqsoff_test_caller();
	EXPECT_EQ(tracing_max_latency, max);
}

/* With a threshold what is as long is kept, though something longer was. */
KTEST(irqsoff, a_threshold_keeps_all_that_reach_it)
{
	u64 max;

	EXPECT_EQ(thread_set_affinity(1u << this_cpu(cpu_number)), 0);
	start();
	EXPECT(longest_is_of(irqsoff_test_caller));
	EXPECT_EQ(put("tracing_thresh", "1000000000"), 0);
	max = tracing_max_latency;
	irqsoff_test_caller();
	EXPECT_EQ(tracing_max_latency, max);
	tracing_thresh = 1;
	with_irqs_off(irqsoff_test_callee);
	EXPECT(tracing_max_latency < max);
	EXPECT_EQ(put("tracing_thresh", "0"), 0);
	stop();
	thread_set_affinity(CPU_MASK_ALL);
}

/* A second of it, with nobody else on this CPU. */
KTEST(irqsoff, idle_is_none)
{
	start();
	sleep_ns(1000 * MS);
	EXPECT(tracing_max_latency < 1000 * MS);
	stop();
}

static bool stop_toggling;
static int toggle(void *arg)
{
	while (!READ_ONCE(stop_toggling)) {
		with_irqs_off(irqsoff_test_callee);
		thread_yield();
	}
	return 0;
}

KTEST(irqsoff, comes_and_goes_under_running_cpus)
{
	struct thread *t = thread_create("toggle", toggle, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);

	stop_toggling = false;
	for (int i = 0; i < 10; i++) {
		start();
		thread_yield();
		stop();
	}
	WRITE_ONCE(stop_toggling, true);
	EXPECT(t);
	if (t)
		thread_join(t);
	EXPECT_EQ(put("tracing_max_latency", "x"), -EINVAL);
	EXPECT_EQ(put("tracing_max_latency", "0"), 0);
}
