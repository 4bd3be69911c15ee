/* Deadlines on all CPUs at once: none is early, and a wait that is woken just then ends once, in one way or the other. */
#include "arch/x86/cpu/regs.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

#define US 1000ul

static u64 draw(u64 *seed, u64 below)
{
	*seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
	return (*seed >> 33) % below;
}

#define SLEEPS 60

static int sleep_often(void *cpu)
{
	u64 seed = (u64)current()->tid;
	int early = 0;

	for (unsigned i = 0; i < stressed_each(SLEEPS); i++) {
		u64 ns = draw(&seed, 1500 * US), start = trace_clock();

		sleep_ns(ns);
		early += trace_clock() - start < ns;
	}
	return early;
}

KTEST(timeout, many_sleep_and_none_wakes_early)
{
	crowd_start(sleep_often, 3);
	EXPECT_EQ(crowd_join(), 0);
}

#define WAITS 400
#define NEAR  (100 * US) /* both the deadline and the wake come within it */

/* One waits on its CPU, one on the next CPU wakes it. */
static struct race {
	struct wait_queue queue;
	u32 members;
	volatile u64 asked, given; /* which wait is on, which wake was the last */
	u64 met, timed_out;
} races[NR_CPUS];

enum kind {
	FAR,	/* the deadline is: it must be woken */
	NOBODY, /* wakes it: it must time out */
	CLOSE,	/* whoever comes first */
};

static enum kind kind_of(u64 n) { return n % 8 == 0 ? FAR : n % 8 == 1 ? NOBODY : CLOSE; }

static int wait_once(struct race *r, u64 n, u64 *seed)
{
	enum kind kind = kind_of(n);
	u64 deadline = trace_clock() + (kind == FAR ? 1ul << 50 : draw(seed, NEAR));
	int errors = 0;
	bool met;

	if (kind != NOBODY)
		__atomic_store_n(&r->asked, n, __ATOMIC_RELEASE);
	met = wait_event_until(&r->queue, r->given == n, deadline);
	errors += met ? kind == NOBODY || r->given != n : kind == FAR || trace_clock() < deadline;
	r->met += met;
	r->timed_out += !met;
	__atomic_store_n(&r->asked, n, __ATOMIC_RELEASE);
	wait_event(&r->queue, r->given == n); /* the wake that was late isn't lost */
	return errors + (r->given != n);
}

static int wait_often(struct race *r)
{
	u64 seed = (u64)current()->tid, n = stressed_each(WAITS) + 8; /* each kind at least once */
	int errors = 0;

	for (u64 i = 1; i <= n; i++)
		errors += wait_once(r, i, &seed);
	return errors + (r->met + r->timed_out != n);
}

static int wake_often(struct race *r)
{
	u64 seed = (u64)current()->tid, n = stressed_each(WAITS) + 8;

	for (u64 i = 1; i <= n; i++) {
		u64 when;

		while (__atomic_load_n(&r->asked, __ATOMIC_ACQUIRE) != i) {
			thread_yield();
			cpu_relax();
		}
		when = trace_clock() + draw(&seed, NEAR);
		while (!time_after_deadline(when))
			cpu_relax();
		r->given = i;
		wake_one(&r->queue);
	}
	return 0;
}

static int race(void *cpu)
{
	u32 here = (u32)(long)cpu;

	if (__atomic_fetch_add(&races[here].members, 1, __ATOMIC_RELAXED) == 0)
		return wait_often(&races[here]);
	return wake_often(&races[crowd_next_cpu(here)]);
}

KTEST(timeout, a_wake_at_the_deadline_ends_the_wait_once)
{
	u64 met = 0, timed_out = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		races[cpu] = (struct race){ .members = 0 };
		wait_queue_init(&races[cpu].queue, "race");
	}
	crowd_start(race, 2);
	EXPECT_EQ(crowd_join(), 0);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		met += races[cpu].met;
		timed_out += races[cpu].timed_out;
		EXPECT(list_empty(&races[cpu].queue.waiters));
	}
	EXPECT(met && timed_out);
	printk("timeout: %lu waits woken, %lu timed out\n", met, timed_out);
}

#define CANCELS 200

struct counted {
	struct timer timer;
	volatile u64 fired;
};

static void count(struct timer *t) { container_of(t, struct counted, timer)->fired++; }

/* Set here, taken back over there: it has fired or it hasn't, and after that it doesn't. */
static int cancel_from_elsewhere(void *cpu)
{
	struct counted c = { .fired = 0 };
	u32 at = (u32)(long)cpu;
	u64 seed = at + 1, want = 0;
	int errors = 0;

	timer_init(&c.timer, count);
	for (unsigned i = 0; i < stressed_each(CANCELS); i++) {
		timer_set(&c.timer, trace_clock() + draw(&seed, 50 * US));
		at = crowd_next_cpu(at);
		errors += thread_set_affinity(1u << at) != 0;
		want += !timer_cancel(&c.timer);
		errors += c.fired != want;
		thread_yield();
		errors += c.fired != want;
	}
	return errors;
}

KTEST(timeout, a_timer_taken_back_from_another_cpu)
{
	EXPECT_EQ(crowd_run(cancel_from_elsewhere), 0);
}
