/* Return probes and threads: those that end, sleep, move and are many while a call is open. */
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/kretprobe_calls.h"
#include "tests/kernel/stress.h"

/* Threads that end inside: the call is over with them. */
static noinline void ends(void) { thread_exit(7); }
static int ends_inside(void *arg)
{
	ends();
	return 0;
}
EACH_WAY(a_thread_that_ends_inside)
{
	struct kretprobe rp = PROBE_ON(ends, .maxactive = 1);

	if (!ret_on(&rp))
		return;
	for (unsigned n = 0; n < stressed(20); n++) {
		struct thread *t = thread_create("ends", ends_inside, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);

		EXPECT(t);
		if (t)
			EXPECT_EQ(thread_join(t), 7);
	}
	EXPECT_EQ(rp.nmissed, 0);
	EXPECT_EQ(rp.kp.hits, stressed(20));
	EXPECT_EQ(nr_calls, 0);
	kretprobe_unregister(&rp);
}

/* A thread asleep inside; the probe goes, and another comes and goes, before it returns. */
static struct wait_queue sleepers;
static bool asleep, awake;
static noinline u64 sleeps(void)
{
	WRITE_ONCE(asleep, true);
	wait_event(&sleepers, READ_ONCE(awake));
	return 3;
}
static int sleeper(void *arg) { return (int)sleeps(); }

static void unregistered_while_asleep(bool by_disarming)
{
	struct kretprobe *rp = kzalloc(sizeof(*rp)), other = PROBE_ON(doubled);
	struct thread *t;

	asleep = awake = false;
	wait_queue_init(&sleepers, "sleepers");
	*rp = (struct kretprobe)PROBE_ON(sleeps);
	if (!ret_on(rp))
		return;
	t = thread_create("sleeper", sleeper, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	EXPECT(t);
	while (t && !READ_ONCE(asleep))
		thread_yield();
	if (by_disarming) {
		kretprobe_disarm(rp);
	} else {
		kretprobe_unregister(rp);
		memset(rp, 0x6b, sizeof(*rp));
	}
	if (ret_on(&other)) {
		EXPECT_EQ(doubled(2), 4);
		kretprobe_unregister(&other);
	}
	WRITE_ONCE(awake, true);
	wake_all(&sleepers);
	if (t)
		EXPECT_EQ(thread_join(t), 3);
	EXPECT_EQ(nr_calls, 1);
	if (by_disarming)
		kretprobe_unregister(rp);
	kfree(rp);
}

EACH_WAY(unregistered_while_a_thread_sleeps_inside) { unregistered_while_asleep(false); }
EACH_WAY(disarmed_while_a_thread_sleeps_inside) { unregistered_while_asleep(true); }

/* On all CPUs, with switches and moves in the middle of calls. */
static noinline u64 moves(u64 n)
{
	u64 below;

	if (n % 3 == 0)
		thread_yield();
	if (n % 4 == 0)
		thread_set_affinity(1u << crowd_next_cpu(this_cpu(cpu_number)));
	below = n ? moves(n - 1) : 0;
	if (n % 5 == 0)
		thread_yield();
	return below + doubled(n);
}
static int mover(void *cpu)
{
	unsigned bad = 0;

	for (unsigned i = stressed_each(300); i; i--)
		bad += moves(9) != 90;
	return (int)bad;
}
EACH_WAY(threads_that_move_between_cpus)
{
	struct kretprobe outer = HANDLED(moves, count_return, .maxactive = 1000),
			 inner = HANDLED(doubled, count_return, .maxactive = 1000);
	u64 each = (u64)stressed_each(300) * 10 * 4 * crowd_cpus();

	if (!ret_on(&outer))
		return;
	if (ret_on(&inner)) {
		crowd_start(mover, 4);
		EXPECT_EQ(crowd_join(), 0);
		EXPECT_EQ(nr_calls, 2 * each);
		EXPECT_EQ(outer.nmissed + inner.nmissed, 0);
		kretprobe_unregister(&inner);
	}
	kretprobe_unregister(&outer);
}

/* Probes that come and go on one CPU while all the others call: none is called when it has gone. */
static bool enough;
static u64 late;
static int calls_on(void *cpu)
{
	unsigned bad = 0;

	while (!READ_ONCE(enough)) {
		bad += sum_of_both(3) != 13;
		thread_yield();
	}
	return (int)bad;
}
static void is_it_late(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(ri->rp->handler) != is_it_late)
		late++;
}

EACH_WAY(they_come_and_go_while_all_call)
{
	static struct kretprobe rp;
	u64 hits = 0;

	enough = false;
	late = 0;
	crowd_start(calls_on, 2);
	for (unsigned i = 0; i < stressed(20); i++) {
		rp = (struct kretprobe)HANDLED(i % 2 ? doubled : sum_of_both, is_it_late);
		if (!ret_on(&rp))
			break;
		kprobe_seen();
		for (unsigned k = 0; k < 5; k++)
			sum_of_both(3);
		kretprobe_disarm(&rp);
		rp.handler = NULL;
		kretprobe_unregister(&rp);
		hits += rp.kp.hits;
	}
	WRITE_ONCE(enough, true);
	EXPECT_EQ(crowd_join(), 0);
	EXPECT_EQ(late, 0);
	EXPECT(hits >= 5 * stressed(20));
}
