/* Threads: they run, wait, wake, preempt each other by priority, take turns among equals, and leave nothing behind. */
#include "arch/x86/cpu/regs.h"
#include "lib/ktest.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

#define MS 1000000ul

static int add_up(void *arg)
{
	int *n = arg;

	return ++*n + 40;
}

KTEST(sched, a_thread_runs_and_is_joined)
{
	size_t frames = frames_free_count();
	int n = 1;
	struct thread *t = thread_create("adder", add_up, &n, PRIORITY_DEFAULT, CPU_MASK_ALL);

	EXPECT(t);
	EXPECT_EQ(thread_join(t), 42);
	EXPECT_EQ(n, 2);
	EXPECT_EQ(frames_free_count(), frames);
}

KTEST(sched, a_higher_priority_runs_at_once)
{
	int n = 1;
	struct thread *t = thread_create("high", add_up, &n, PRIORITY_HIGH, CPU_MASK_ALL);

	/* It ran to its end before thread_create() came back: its CPU is this one. */
	EXPECT_EQ(n, 2);
	thread_join(t);
}

KTEST(sched, a_lower_priority_waits)
{
	int n = 1;
	struct thread *t = thread_create("low", add_up, &n, PRIORITY_DEFAULT - 1, 1);

	for (int i = 0; i < 100; i++)
		thread_yield();
	EXPECT_EQ(n, 1);
	EXPECT_EQ(thread_join(t), 42);
}

#define ROUNDS 1000

static struct {
	struct wait_queue queue;
	volatile int ball; /* whose turn it is */
	u64 passed;
} game;

static int play(void *arg)
{
	int me = (int)(long)arg;

	for (unsigned i = 0; i < stressed(ROUNDS); i++) {
		wait_event(&game.queue, game.ball == me);
		game.passed++;
		game.ball = 1 - me;
		wake_all(&game.queue);
	}
	return 0;
}

KTEST(sched, ping_pong)
{
	struct thread *a, *b;

	wait_queue_init(&game.queue, "game");
	game.ball = 0;
	game.passed = 0;
	a = thread_create("ping", play, (void *)0, PRIORITY_DEFAULT, CPU_MASK_ALL);
	b = thread_create("pong", play, (void *)1, PRIORITY_DEFAULT, CPU_MASK_ALL);
	thread_join(a);
	thread_join(b);
	EXPECT_EQ(game.ball, 0);
	EXPECT_EQ(game.passed, 2 * stressed(ROUNDS));
}

#define TURNS_MAX 20000000 /* of one: far more than fit in a time slice */

static volatile u64 turns[3];

/* Until all have run; alone, until it gives up. */
static int spin(void *arg)
{
	volatile u64 *mine = &turns[(long)arg];

	while (!(turns[0] && turns[1] && turns[2])) {
		if (++*mine == TURNS_MAX)
			return 1;
		cpu_relax();
	}
	return 0;
}

/* Nobody yields here: only the timer can give the second a turn. */
KTEST(sched, equals_take_turns)
{
	struct thread *t[3];

	turns[0] = turns[1] = turns[2] = 0;
	for (long i = 0; i < 3; i++)
		t[i] = thread_create("spin", spin, (void *)i, PRIORITY_DEFAULT - 1, 1);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(thread_join(t[i]), 0);
}

KTEST(sched, a_sleep_lasts_at_least_its_time)
{
	for (u64 ns = 1; ns <= 10 * MS; ns *= 10) {
		u64 start = trace_clock();

		sleep_ns(ns);
		EXPECT(trace_clock() - start >= ns);
	}
}

KTEST(sched, a_wait_ends_at_its_deadline)
{
	struct wait_queue q;
	u64 deadline = trace_clock() + 2 * MS;
	volatile bool never = false;

	wait_queue_init(&q, "never");
	EXPECT(!wait_event_until(&q, never, deadline));
	EXPECT(trace_clock() >= deadline);
	EXPECT(!wait_event_until(&q, never, trace_clock() + MS)); /* asked for once, or it never comes */
	EXPECT(list_empty(&q.waiters));
}

static struct mutex mutex;
static volatile u64 protected;

static int add_under_mutex(void *arg)
{
	for (unsigned i = 0; i < stressed(ROUNDS); i++) {
		u64 seen;

		mutex_lock(&mutex);
		seen = protected;
		if (i % 16 == 0)
			thread_yield();
		protected = seen + 1;
		mutex_unlock(&mutex);
	}
	return 0;
}

KTEST(sched, a_mutex_excludes)
{
	struct thread *t[4];

	mutex_init(&mutex, "test");
	protected = 0;
	for (int i = 0; i < 4; i++)
		t[i] = thread_create("adder", add_under_mutex, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	for (int i = 0; i < 4; i++)
		thread_join(t[i]);
	EXPECT_EQ(protected, 4 * stressed(ROUNDS));
	EXPECT(mutex_trylock(&mutex));
	EXPECT(!mutex_trylock(&mutex));
	mutex_unlock(&mutex);
}

static struct timer timers[4];
static volatile unsigned fired_order[4], nr_fired;

static void note(struct timer *t) { fired_order[nr_fired++] = (unsigned)(t - timers); }

/* Set neither in their order nor against it. */
KTEST(sched, timers_fire_in_order_and_can_be_taken_back)
{
	static const unsigned at[4] = { 2, 4, 1, 3 };
	u64 now = trace_clock(), flags;

	nr_fired = 0;
	for (int i = 0; i < 4; i++)
		timer_init(&timers[i], note);
	flags = local_irq_save(); /* however long this takes, none fires in the middle of it */
	for (int i = 0; i < 4; i++)
		timer_set(&timers[i], now + at[i] * MS);
	EXPECT(timer_cancel(&timers[3]));
	local_irq_restore(flags);
	sleep_ns(5 * MS);
	EXPECT_EQ(nr_fired, 3);
	EXPECT_EQ(fired_order[0], 2);
	EXPECT_EQ(fired_order[1], 0);
	EXPECT_EQ(fired_order[2], 1);
	EXPECT(!timer_cancel(&timers[0]));
}

#define TRIES 64 /* so many small objects are more than a page: if each left one, it would show */

/* Each allocation on the way fails in turn; what was made before it goes back. */
KTEST(sched, no_memory_is_an_answer)
{
	size_t frames = frames_free_count();
	struct thread *t = NULL;
	int n = 0;

	for (u64 nth = 1; !t; nth++) {
		for (int i = 0; i < TRIES && !t; i++) {
			alloc_fail_nth(nth);
			t = thread_create("adder", add_up, &n, PRIORITY_DEFAULT, CPU_MASK_ALL);
			alloc_fail_nth(0);
		}
		EXPECT(!t || nth > 1);
		if (!t)
			EXPECT_EQ(frames_free_count(), frames);
	}
	thread_join(t);
	EXPECT_EQ(frames_free_count(), frames);
}

static volatile bool joined, joined_before_me;

static int join_it(void *t)
{
	thread_join(t);
	joined = true;
	return 0;
}

static int look_whether_joined(void *arg)
{
	joined_before_me = joined;
	return 0;
}

/* The end of one wakes a better one in the middle of the switch to a worse one: the better one comes first. */
KTEST(sched, a_wake_during_the_switch_is_heeded)
{
	int n = 0;
	struct thread *dying, *joiner, *worse;

	EXPECT_EQ(thread_set_affinity(1), 0);
	joined = joined_before_me = false;
	dying = thread_create("dying", add_up, &n, PRIORITY_DEFAULT - 2, 1);
	joiner = thread_create("joiner", join_it, dying, PRIORITY_DEFAULT + 2, 1);
	worse = thread_create("worse", look_whether_joined, NULL, PRIORITY_DEFAULT - 3, 1);
	thread_join(worse);
	thread_join(joiner);
	EXPECT(joined_before_me);
	thread_set_affinity(CPU_MASK_ALL);
}
