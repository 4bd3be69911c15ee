/* A crowd waits at a gate, so that nobody is done before the last has begun. */
#include "tests/kernel/crowd.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "lib/ktest.h"
#include "sched/thread.h"

static struct thread *crowd[NR_CPUS * CROWD_MAX_EACH];
static unsigned members;
static volatile unsigned missing; /* of those who should be at the gate */
static int (*crowd_fn)(void *cpu);

unsigned crowd_cpus(void) { return nr_cpus_up(); }

u32 crowd_next_cpu(u32 cpu)
{
	do
		cpu = (cpu + 1) % NR_CPUS;
	while (!(cpus_up & 1u << cpu));
	return cpu;
}

static int through_the_gate(void *cpu)
{
	__atomic_fetch_sub(&missing, 1, __ATOMIC_SEQ_CST);
	while (missing) {
		thread_yield(); /* others of this CPU come through it, too */
		cpu_relax();
	}
	return crowd_fn(cpu);
}

void crowd_start(int (*fn)(void *cpu), unsigned each)
{
	crowd_fn = fn;
	members = 0;
	missing = crowd_cpus() * each;
	for (long cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < each && (cpus_up & 1u << cpu); i++) {
			struct thread *t = thread_create("crowd", through_the_gate, (void *)cpu,
							 PRIORITY_DEFAULT, 1u << cpu);

			EXPECT(t);
			if (t)
				crowd[members++] = t;
			else
				__atomic_fetch_sub(&missing, 1, __ATOMIC_SEQ_CST);
		}
}

u64 crowd_join(void)
{
	u64 sum = 0;

	for (unsigned i = 0; i < members; i++)
		sum += (u64)thread_join(crowd[i]);
	return sum;
}

u64 crowd_run(int (*fn)(void *cpu))
{
	crowd_start(fn, 1);
	return crowd_join();
}
