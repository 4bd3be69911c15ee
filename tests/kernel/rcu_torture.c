/* RCU's torture: for how long, and what must be true of it in the end. */
#include "tests/kernel/rcu_torture.h"

#include "kprobe/kprobe.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "mm/frames.h"
#include "sched/timer.h"
#include "tests/kernel/stress.h"

#define GRACE_PERIODS 50
#define OVERLAPS      5 /* of each kind of reader, with an element being taken out */
#define NAP_NS	      200000

static u64 grace_periods(void)
{
	struct rcu_stats s;

	rcu_get_stats(&s);
	return s.grace_periods;
}

static u64 too_old(void)
{
	u64 n = 0;

	for (u32 kind = 0; kind < READ_KINDS; kind++)
		n += torture_older(kind, 2);
	return n;
}

/* With one CPU an updater doesn't run in the middle of a reader, and who sends an NMI isn't idle. */
static bool all_have_read(void)
{
	for (u32 kind = 0; kind < READ_KINDS; kind++)
		if (crowd_cpus() > 1 ? torture_older(kind, 1) < OVERLAPS
				     : !READ_ONCE(torture_ages[kind][0]) && kind != READ_IDLE_NMI)
			return false;
	return true;
}

static void barrier_waits_for_all(void)
{
	u64 before = __atomic_load_n(&torture_counts.queued, __ATOMIC_SEQ_CST);

	rcu_barrier();
	EXPECT(READ_ONCE(torture_counts.called) >= before);
}

static void torture(u64 periods, bool (*enough)(void))
{
	u64 end = grace_periods() + periods;

	if (!torture_readers_start())
		return;
	torture_updaters_start();
	while ((grace_periods() < end || (enough && !enough())) && !too_old()) {
		barrier_waits_for_all();
		sleep_ns(NAP_NS);
	}
	torture_updaters_stop();
	torture_readers_stop();
	kprobe_flush(); /* of the probe that reads in an int3 */
	for (u32 i = 0; i <= TORTURE_AGES; i++)
		barrier_waits_for_all(); /* each has queued the same elements once more */
	EXPECT_EQ(torture_counts.freed, torture_counts.made);
	EXPECT_EQ(torture_counts.called, torture_counts.queued);
}

static void show_ages(void)
{
	static const char *const names[READ_KINDS] = { "thread", "irq", "int3", "nmi", "idle nmi" };

	for (u32 kind = 0; kind < READ_KINDS; kind++) {
		const u64 *n = torture_ages[kind];

		printk("rcu_torture: %u CPUs, read in %s, by age: %lu %lu %lu %lu %lu %lu\n", crowd_cpus(),
		       names[kind], n[0], n[1], n[2], n[3], n[4], n[5]);
	}
}

/* The first, short one makes what stays for ever: tables for stacks. */
KTEST(rcu_torture, no_reader_outlives_a_grace_period)
{
	struct rcu_stats before, after;
	size_t frames;

	rcu_get_stats(&before);
	torture(1, NULL);
	frames = frames_free_count();
	torture(stressed(GRACE_PERIODS), all_have_read);
	EXPECT_EQ(frames_free_count(), frames);
	show_ages();
	rcu_get_stats(&after);
	EXPECT_EQ(too_old(), 0);
	EXPECT_EQ(torture_spoiled, 0);
	EXPECT_EQ(after.invoked, after.queued);
	EXPECT(after.invoked - before.invoked >= torture_counts.called);
	EXPECT_EQ(after.stalls, before.stalls);
}
