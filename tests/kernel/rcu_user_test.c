/* Whoever is in user mode has no reader and is left alone: every kind of grace period ends while he notices nothing. */
#include "arch/x86/entry/black_box.h"
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

/* Which vectors have come there since: for who reads why a counter has moved. */
static u32 mark_of(u32 cpu)
{
	return (u32)(READ_ONCE(*per_cpu_ptr(bb_head, cpu)) / sizeof(struct bb_record));
}

static void tell_vectors(u32 cpu, u32 from)
{
	for (u32 n = from; n != mark_of(cpu); n++) {
		const struct bb_record *r = &(*per_cpu_ptr(bb_ring, cpu))[n % BLACK_BOX_RECORDS];

		if (r->direction == BB_ENTRY)
			ktest_comment("CPU %u was interrupted by vector %x at %lx", cpu, r->vector, r->ip);
	}
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

static int in_user_mode_or_waiting(void *cpu)
{
	u64 counters[NR_CPUS];
	u32 marks[NR_CPUS];

	if (cpu)
		return ring3_run(ring3_spin, 0) != X86_TRAP_UD;
	for (u32 there = 1; there < NR_CPUS; there++) {
		if (!(cpus_up & 1u << there))
			continue;
		ring3_wait(there);
		marks[there] = mark_of(there);
		counters[there] = counter_of(there);
		EXPECT_EQ(counters[there] & 1, 0);
	}
	for (unsigned i = 0; i < stressed_each(16); i++)
		wait_in_all_ways();
	for (u32 there = 1; there < NR_CPUS; there++) {
		if (!(cpus_up & 1u << there))
			continue;
		ring3_wait(there); /* it is still there */
		EXPECT_EQ(counter_of(there), counters[there]);
		if (counter_of(there) != counters[there])
			tell_vectors(there, marks[there]);
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
