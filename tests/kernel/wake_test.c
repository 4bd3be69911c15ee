/* Threads woken from another CPU: they come, the better ones first, and no wake is lost. With one CPU it is the same CPU. */
#include "arch/x86/cpu/regs.h"
#include "lib/ktest.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/stress.h"

#define PASSES	 600
#define EACH	 2
#define PATIENCE 1000 /* turns of a spinning thread: an interrupt that is there comes long before that */
#define GIVE_UP	 20000000ul

static struct {
	struct seat {
		struct wait_queue queue;
		volatile bool ball;
	} seats[NR_CPUS * EACH];
	u32 taken;
	u64 passed;
} ring;

/* Each waits for the ball and passes it to the next, who sits on this CPU or on another. */
static int pass_on(void *cpu)
{
	u32 me = __atomic_fetch_add(&ring.taken, 1, __ATOMIC_RELAXED), n = crowd_cpus() * EACH;
	struct seat *mine = &ring.seats[me], *next = &ring.seats[(me + 1) % n];
	int errors = 0;

	for (u64 i = 0; i < stressed_each(PASSES); i++) {
		wait_event(&mine->queue, mine->ball);
		mine->ball = false;
		errors += ring.passed++ != i * n + me;
		next->ball = true;
		wake_one(&next->queue);
	}
	return errors;
}

KTEST(wake, a_ball_goes_round)
{
	ring.taken = 0;
	ring.passed = 0;
	for (u32 i = 0; i < NR_CPUS * EACH; i++) {
		wait_queue_init(&ring.seats[i].queue, "seat");
		ring.seats[i].ball = i == 0;
	}
	crowd_start(pass_on, EACH);
	EXPECT_EQ(crowd_join(), 0);
	EXPECT_EQ(ring.passed, EACH * crowd_cpus() * stressed_each(PASSES));
}

/* A CPU that is alone gets to the one who wakes only at the end of a time slice. */
static u32 late_rounds(void) { return stressed(crowd_cpus() == 1 ? 8 : 60); }

/* The condition of a wait, looked at so slowly that it has changed, and the wake is over, before the answer "no" is there. */
static struct {
	struct wait_queue queue;
	volatile u32 now, woken; /* rounds */
	volatile u32 slow;	 /* the round in which a look is waiting for the wake */
	u32 round, looks;	 /* the waiter's own */
} late;

/* In odd rounds the look before it queues is the slow one; in even rounds the look after that, when it is marked blocked. */
static bool look_slowly(void)
{
	u32 round = late.round;

	if (++late.looks > 2 || late.looks % 2 != round % 2)
		return late.now == round;
	late.slow = round;
	while (late.woken != round) {
		if (late.looks == 1)
			thread_yield(); /* who is marked blocked may only be preempted */
		cpu_relax();
	}
	return false;
}

static int be_late(void *arg)
{
	int errors = 0;

	for (late.round = 1; late.round <= late_rounds(); late.round++) {
		late.looks = 0;
		if (late.round % 4 < 2)
			wait_event(&late.queue, look_slowly());
		else
			errors += !wait_event_until(&late.queue, look_slowly(), ~0ul);
		errors += late.now != late.round;
	}
	return errors;
}

KTEST(wake, a_wake_between_the_look_and_the_sleep_counts)
{
	u32 here = this_cpu(cpu_number);
	struct thread *t;

	wait_queue_init(&late.queue, "late");
	late.now = late.woken = late.slow = 0;
	t = thread_create("late", be_late, NULL, PRIORITY_DEFAULT, 1u << crowd_next_cpu(here));
	EXPECT(t);
	for (u32 round = 1; round <= late_rounds(); round++) {
		while (late.slow != round) {
			thread_yield();
			cpu_relax();
		}
		late.now = round;
		wake_all(&late.queue);
		late.woken = round;
	}
	EXPECT_EQ(thread_join(t), 0);
}

/* A thread that spins on the CPU in question, and those who wait there to be woken. */
static struct {
	struct wait_queue queue;
	volatile bool go, spins, woken;
	volatile u32 ran, waiting;
	u8 order[NR_PRIORITIES];
} s;

static void scene_init(void)
{
	wait_queue_init(&s.queue, "go");
	s.go = s.spins = s.woken = false;
	s.ran = s.waiting = 0;
}

/* One CPU's threads only: nobody else writes to the order. */
static int wait_for_go(void *arg)
{
	s.waiting++;
	wait_event(&s.queue, s.go);
	s.order[s.ran] = current()->priority;
	s.ran++;
	return 0;
}

/*
 * Until somebody else has run here, or it is clear that nobody will: whoever was to be woken has been. Or it has kept
 * away even him who wakes.
 */
static int spin(void *arg)
{
	unsigned turns = 0;

	s.spins = true;
	for (u64 i = 0; i < GIVE_UP && !s.ran && turns < PATIENCE; i++) {
		turns += s.woken;
		cpu_relax();
	}
	return s.woken || s.ran ? (int)s.ran : -1;
}

/* How many have run before the spinning one gave up. */
static u64 wake_while_it_spins(u8 priority, u32 cpu)
{
	struct thread *t = thread_create("spin", spin, NULL, priority, 1u << cpu);

	EXPECT(t);
	/* It spins: so whoever is better there waits in the queue. */
	while (!s.spins)
		sleep_ns(100 * 1000);
	s.go = true;
	wake_all(&s.queue);
	s.woken = true;
	return (u64)thread_join(t);
}

static u64 wake_one_while_another_spins(u8 priority, u8 spinner, u32 cpu)
{
	struct thread *t;
	u64 ran;

	scene_init();
	t = thread_create("waiter", wait_for_go, NULL, priority, 1u << cpu);
	EXPECT(t);
	while (!s.waiting)
		sleep_ns(100 * 1000);
	ran = wake_while_it_spins(spinner, cpu);
	thread_join(t);
	return ran;
}

KTEST(wake, a_better_one_runs_before_the_one_that_spins)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < stressed(3) && cpus_up & 1u << cpu; i++)
			EXPECT_EQ(wake_one_while_another_spins(PRIORITY_HIGH, PRIORITY_DEFAULT - 1, cpu), 1);
}

KTEST(wake, a_worse_one_waits_for_the_one_that_spins)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < stressed(3) && cpus_up & 1u << cpu; i++)
			EXPECT_EQ(
				wake_one_while_another_spins(PRIORITY_DEFAULT - 2, PRIORITY_DEFAULT - 1, cpu),
				0);
}

#define WORSE 4

/* Woken in the order in which they waited, the worst first; they run in the order of their priorities. */
static void wake_several(u32 cpu)
{
	struct thread *t[WORSE];

	scene_init();
	for (u8 i = 0; i < WORSE; i++) {
		t[i] = thread_create("waiter", wait_for_go, NULL, (u8)(PRIORITY_DEFAULT - 1 - WORSE + i),
				     1u << cpu);
		EXPECT(t[i]);
		while (s.waiting <= i)
			sleep_ns(100 * 1000);
	}
	EXPECT_EQ(wake_while_it_spins(PRIORITY_DEFAULT - 1, cpu), 0);
	for (u8 i = 0; i < WORSE; i++)
		thread_join(t[i]);
	EXPECT_EQ(s.ran, WORSE);
	for (u8 i = 0; i < WORSE; i++)
		EXPECT_EQ(s.order[i], PRIORITY_DEFAULT - 2 - i);
}

KTEST(wake, several_run_in_the_order_of_their_priorities)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < stressed(2) && cpus_up & 1u << cpu; i++)
			wake_several(cpu);
}
