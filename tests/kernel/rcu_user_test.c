/* Whoever is in user mode has no reader and is left alone: every kind of grace period ends while he notices nothing. */
#include "arch/x86/entry/vectors.h"
#include "context/watch.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/ring3.h"
#include "tests/kernel/stress.h"

static volatile bool called;
static void note(struct rcu_head *head) { called = true; }

static u64 counter_of(u32 cpu)
{
	return __atomic_load_n(&per_cpu_ptr(watch, cpu)->counter, __ATOMIC_ACQUIRE);
}

/* A counter that hasn't moved: neither an interrupt nor an NMI has come since. */
static void wait_in_all_ways(void)
{
	struct rcu_head head;

	synchronize_rcu();
	synchronize_rcu_expedited();
	synchronize_rcu_tasks();
	cond_synchronize_rcu(start_poll_synchronize_rcu());
	called = false;
	call_rcu(&head, note);
	rcu_barrier();
	EXPECT(called);
}

/*
 * Others may interrupt who is there, too: a timer that was set before, a thread that is woken. But not in each of many rounds, as
 * a grace period would that interrupted by itself.
 */
static void rounds(u32 *undisturbed)
{
	u64 counters[NR_CPUS];

	for (unsigned i = 0; i < stressed_each(16); i++) {
		for (u32 there = 1; there < NR_CPUS; there++)
			counters[there] = counter_of(there);
		wait_in_all_ways();
		for (u32 there = 1; there < NR_CPUS; there++) /* those that aren't up stay as they are */
			undisturbed[there] += !(counters[there] & 1) && counter_of(there) == counters[there];
	}
}

static int in_user_mode_or_waiting(void *cpu)
{
	u32 undisturbed[NR_CPUS] = { 0 };

	if (cpu)
		return ring3_run(ring3_spin, 0) != X86_TRAP_UD;
	for (u32 there = 1; there < NR_CPUS; there++)
		if (cpus_up & 1u << there)
			ring3_wait(there);
	rounds(undisturbed);
	for (u32 there = 1; there < NR_CPUS; there++) {
		if (!(cpus_up & 1u << there))
			continue;
		ring3_wait(there); /* it is still there */
		EXPECT(undisturbed[there] != 0);
		ring3_leave(there);
	}
	return 0;
}

KTEST(rcu_contexts, user_mode_is_not_disturbed)
{
	if (!ring3_make())
		return;
	EXPECT_EQ(crowd_run(in_user_mode_or_waiting), 0);
	ring3_drop();
}
