/* What the tests of the guard's policies begin and end with, and what they trace and probe. */
#include "tests/kernel/policy_scene.h"

#include "lib/compiler.h"
#include "lib/ktest.h"
#include "sched/thread.h"

static u64 before[NR_GUARD_KINDS];

void policy_begin(enum guard_policy policy)
{
	thread_set_affinity(1u << this_cpu(cpu_number));
	policy_set(policy);
	for (unsigned k = 0; k < NR_GUARD_KINDS; k++)
		before[k] = this_cpu_at(guard_dropped, k);
}

u64 policy_dropped(enum guard_kind kind) { return this_cpu_at(guard_dropped, kind) - before[kind]; }

void policy_end(void)
{
	EXPECT_EQ(this_cpu(guard_bits), 0);
	policy_set(POLICY_CONTEXT);
	thread_set_affinity(CPU_MASK_ALL);
}

void policed(void) { __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop" ::: "memory"); }
