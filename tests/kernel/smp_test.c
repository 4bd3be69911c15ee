/* Many CPUs at once, as many as there are: with one, each of these is still a test of the path. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "context/context.h"
#include "context/spinlock.h"
#include "lib/ktest.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"

static int am_i_where_i_should_be(void *cpu)
{
	return this_cpu(cpu_number) == (u32)(long)cpu &&
	       per_cpu_ptr(cpu_number, (long)cpu) == this_cpu_ptr(cpu_number);
}

KTEST(smp, a_thread_runs_where_it_may)
{
	EXPECT_EQ(crowd_run(am_i_where_i_should_be), crowd_cpus());
}

#define LOCKS 200
#define HELD \
	50000 /* cpu_relax() in all, by each: so long that a host which is busy changes over in the middle */

static SPINLOCK(crowd_lock);
static volatile u64 counter;

/* What two at once would spoil: read, a moment, written. */
static void count_slowly(unsigned moment)
{
	u64 seen = counter;

	for (unsigned i = 0; i < moment; i++)
		cpu_relax();
	counter = seen + 1;
}

static int count_under_lock(void *cpu)
{
	unsigned n = stressed_each(LOCKS);

	for (unsigned i = 0; i < n; i++) {
		u64 flags = spin_lock_irqsave(&crowd_lock);

		count_slowly(HELD / n + 1);
		spin_unlock_irqrestore(&crowd_lock, flags);
	}
	return 0;
}

KTEST(smp, a_spinlock_excludes)
{
	counter = 0;
	crowd_run(count_under_lock);
	EXPECT_EQ(counter, crowd_cpus() * stressed_each(LOCKS));
}

#define MUTEX_LOCKS 200

static struct mutex crowd_mutex;

static int count_under_mutex(void *cpu)
{
	unsigned n = stressed_each(MUTEX_LOCKS);

	for (unsigned i = 0; i < n; i++) {
		mutex_lock(&crowd_mutex);
		count_slowly(HELD / 2 / n + 1);
		mutex_unlock(&crowd_mutex);
	}
	return 0;
}

/* Two on each CPU: they meet each other there, and the others from elsewhere. */
KTEST(smp, a_mutex_excludes)
{
	mutex_init(&crowd_mutex, "crowd");
	counter = 0;
	crowd_start(count_under_mutex, 2);
	crowd_join();
	EXPECT_EQ(counter, 2 * crowd_cpus() * stressed_each(MUTEX_LOCKS));
	EXPECT(!crowd_mutex.owner);
	EXPECT(list_empty(&crowd_mutex.waiters.waiters));
}

#define CALLS 40

static u64 called[NR_CPUS]; /* how often each was */

static void i_was_called(void *arg)
{
	__atomic_fetch_add(&called[this_cpu(cpu_number)], 1, __ATOMIC_RELAXED);
}

KTEST(smp, a_call_reaches_all_others)
{
	u32 here;

	preempt_disable();
	here = this_cpu(cpu_number);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		called[cpu] = 0;
	smp_call_others(i_was_called, NULL);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		EXPECT_EQ(called[cpu], cpu != here && cpus_up & 1u << cpu);
	preempt_enable();
}

static int call_each_other(void *cpu)
{
	for (unsigned i = 0; i < stressed_each(CALLS); i++)
		smp_call_others(i_was_called, NULL);
	return 0;
}

/* Whoever waits for the mailbox must serve the one who has it, or all wait for ever. And each call comes once. */
KTEST(smp, all_call_each_other_at_once)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		called[cpu] = 0;
	crowd_run(call_each_other);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		EXPECT_EQ(called[cpu], cpus_up & 1u << cpu ? (crowd_cpus() - 1) * stressed_each(CALLS) : 0);
}

static u64 all_called(void)
{
	u64 n = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		n += READ_ONCE(called[cpu]);
	return n;
}

static void nobody_goes_on(void *errors)
{
	u64 before = all_called();

	for (unsigned i = 0; i < 100; i++)
		cpu_relax();
	*(int *)errors += all_called() != before;
}

static int count_between_calls(void *cpu)
{
	int errors = 0;

	for (unsigned i = 0; i < stressed_each(CALLS) / 4; i++) {
		for (unsigned j = 0; j < 1000; j++)
			i_was_called(NULL);
		smp_call_alone(nobody_goes_on, &errors);
	}
	return errors;
}

/* All want to be alone at once: one after the other is. */
KTEST(smp, who_calls_alone_is)
{
	crowd_start(count_between_calls, 2);
	EXPECT_EQ(crowd_join(), 0);
}

#define MOVES 100

/* Round all CPUs and home. */
static int migrate(void *cpu)
{
	u32 at = (u32)(long)cpu;
	int errors = 0;

	for (unsigned i = 0; i < stressed_each(MOVES); i++) {
		at = crowd_next_cpu(at);
		errors += thread_set_affinity(1u << at) != 0;
		errors += this_cpu(cpu_number) != at;
		if (i % 4 == 0)
			thread_yield(); /* wherever it is now, it stays there */
		errors += this_cpu(cpu_number) != at;
	}
	return errors;
}

KTEST(smp, threads_move_from_cpu_to_cpu)
{
	crowd_start(migrate, 2);
	EXPECT_EQ(crowd_join(), 0);
	EXPECT_EQ(thread_set_affinity(1u << 31), -EINVAL);
}
