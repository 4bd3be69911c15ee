/* One time for all CPUs: whoever looks later, on whatever CPU, doesn't see an earlier time. */
#include "arch/x86/cpu/regs.h"
#include "context/spinlock.h"
#include "lib/ktest.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

#define TURNS  800 /* with more CPUs than the host has, each waits for its time slices */
#define ROUNDS 3000

static u64 last;	  /* the last reading: whose turn it is owns it */
static volatile u64 turn; /* the how manieth reading is next */
static u32 places;

/* A CPU may read its TSC before earlier loads are done, such as that of whose turn it is. lfence holds it back. */
static u64 clock_now(void)
{
	__asm__ volatile("lfence" ::: "memory");
	return trace_clock();
}

static bool back_in_time(void)
{
	u64 now = clock_now();
	bool back = now < last;

	last = now;
	return back;
}

static int read_in_turn(void *cpu)
{
	u32 me = __atomic_fetch_add(&places, 1, __ATOMIC_RELAXED), n = crowd_cpus();
	int errors = 0;

	for (u64 i = 0; i < stressed_each(TURNS); i++) {
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != i * n + me)
			cpu_relax();
		errors += back_in_time();
		__atomic_store_n(&turn, turn + 1, __ATOMIC_RELEASE);
	}
	return errors;
}

KTEST(clock, no_cpu_is_behind_the_one_before)
{
	last = turn = 0;
	places = 0;
	EXPECT_EQ(crowd_run(read_in_turn), 0);
	EXPECT_EQ(turn, crowd_cpus() * stressed_each(TURNS));
}

static SPINLOCK(clock_lock);

static int read_under_lock(void *cpu)
{
	int errors = 0;

	for (unsigned i = 0; i < stressed_each(ROUNDS); i++) {
		u64 flags = spin_lock_irqsave(&clock_lock);

		errors += back_in_time();
		spin_unlock_irqrestore(&clock_lock, flags);
		cpu_relax();
	}
	return errors;
}

KTEST(clock, nor_when_all_crowd_round_it)
{
	last = 0;
	EXPECT_EQ(crowd_run(read_under_lock), 0);
}

static int read_and_move(void *cpu)
{
	u32 at = (u32)(long)cpu;
	u64 before = clock_now(), now;
	int errors = 0;

	for (unsigned i = 0; i < stressed_each(ROUNDS / 10); i++) {
		at = crowd_next_cpu(at);
		errors += thread_set_affinity(1u << at) != 0;
		now = clock_now();
		errors += now < before;
		before = now;
	}
	return errors;
}

KTEST(clock, a_thread_that_moves_sees_it_go_on)
{
	EXPECT_EQ(crowd_run(read_and_move), 0);
}
