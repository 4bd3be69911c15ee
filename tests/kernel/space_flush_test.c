/* What is unmapped on one CPU is used on no other any more; and only those that have the space loaded are asked. */
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/vectors.h"
#include "lib/ktest.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

#define COUNTED_AT 0x900000ul

static u64 count_of(struct memory *m)
{
	u64 count = 0;

	EXPECT_EQ(memory_read(m, 0, &count, sizeof(count)), 0);
	return count;
}

static bool counter(struct user_process *u, struct memory **m)
{
	*m = memory_create(1);
	if (!*m || !user_process(u, "count")) {
		ktest_fail(__FILE__, __LINE__, "no memory", 0, 0);
		return false;
	}
	EXPECT_EQ(space_map(u->process->space, COUNTED_AT, 1, *m, 0, MAP_READ | MAP_WRITE), 0);
	return true;
}

/* It begins on CPU @cpu, since we are there, and stays; we look at it from CPU 0. True when it counts. */
static bool start_on(struct user_process *u, u32 cpu, struct memory *m)
{
	bool ok;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): one CPU is up at least */
	EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
	ok = user_process_start(u, up_count, COUNTED_AT, 0, PRIORITY_DEFAULT);
	EXPECT_EQ(thread_set_affinity(1), 0);
	while (ok && count_of(m) < 2) {
		thread_yield();
		cpu_relax();
	}
	return ok;
}

enum change { UNMAP, TAKE_ALL, TAKE_WRITING, NR_CHANGES };

static int make_change(struct space *s, enum change how)
{
	return how == UNMAP ? space_unmap(s, COUNTED_AT, 1)
			    : space_protect(s, COUNTED_AT, 1, how == TAKE_ALL ? 0 : MAP_READ);
}

/* It uses the old translation until the very moment, so that is there to be forgotten. From then on nothing is counted. */
static void change_under(u32 cpu, enum change how)
{
	struct user_process u;
	struct space *s;
	struct memory *m;
	u64 then;
	int status;

	if (!counter(&u, &m))
		return;
	s = process_space(u.process); /* which may die in the middle of it */
	if (start_on(&u, cpu, m))
		EXPECT_EQ(make_change(s, how), 0);
	space_put(s);
	then = count_of(m);
	while (process_status(u.process, &status) != 0 && count_of(m) == then) {
		thread_yield();
		cpu_relax();
	}
	EXPECT_EQ(count_of(m), then);
	process_kill(u.process, 1); /* it doesn't, where it goes on */
	EXPECT_EQ(user_process_end(&u), STATUS_FAULT - X86_TRAP_PF);
	memory_put(m);
}

KTEST(space, what_is_unmapped_is_used_nowhere)
{
	for (unsigned i = 0; i < stressed(3); i++)
		for (u32 cpu = 1; cpu < nr_cpus_up(); cpu++)
			for (enum change how = 0; how < NR_CHANGES; how++)
				change_under(cpu, how);
	thread_set_affinity(CPU_MASK_ALL);
	user_processes_settle();
}

/* What each CPU's thread has counted, in its own word. */
static u64 sum_of(struct memory *m)
{
	u64 counts[NR_CPUS], sum = 0;

	EXPECT_EQ(memory_read(m, 0, counts, sizeof(counts)), 0);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		sum += counts[cpu];
	return sum;
}

/* A thread on each CPU but ours, all of one process, by two mappings of the same page. */
static void start_everywhere(struct user_process *u, struct memory *m)
{
	u64 counts[NR_CPUS] = { 0 };

	for (u32 cpu = 1; cpu < nr_cpus_up(); cpu++) {
		EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
		user_process_start(u, up_count, COUNTED_AT + cpu % 2 * PAGE_SIZE + cpu * 8, 0,
				   PRIORITY_DEFAULT);
		EXPECT_EQ(thread_set_affinity(1), 0);
		while (counts[cpu] < 2) {
			thread_yield();
			EXPECT_EQ(memory_read(m, 0, counts, sizeof(counts)), 0);
		}
	}
}

/* All mappings of one memory object, as when it is given away. */
KTEST(space, nor_is_what_is_unmapped_by_its_memory)
{
	struct user_process u;
	struct space *s;
	struct memory *m;
	int status;
	u64 then;

	if (!counter(&u, &m))
		return;
	EXPECT_EQ(space_map(u.process->space, COUNTED_AT + PAGE_SIZE, 1, m, 0, MAP_READ | MAP_WRITE), 0);
	s = process_space(u.process); /* which dies in the middle of it */
	start_everywhere(&u, m);
	space_unmap_memory(s, m);
	space_put(s);
	then = sum_of(m);
	while (nr_cpus_up() > 1 && process_status(u.process, &status) != 0 && sum_of(m) == then) {
		thread_yield();
		cpu_relax();
	}
	EXPECT_EQ(sum_of(m), then);
	process_kill(u.process, 1);
	EXPECT_EQ(user_process_end(&u), nr_cpus_up() > 1 ? STATUS_FAULT - X86_TRAP_PF : 1);
	memory_put(m);
	thread_set_affinity(CPU_MASK_ALL);
	user_processes_settle();
}

KTEST(space, nor_by_who_has_unmapped_it)
{
	struct user_process u;
	struct memory *m;

	if (!counter(&u, &m))
		return;
	user_process_start(&u, up_count_unmapped, COUNTED_AT, 0, PRIORITY_DEFAULT);
	EXPECT_EQ(user_process_end(&u), STATUS_FAULT - X86_TRAP_PF);
	EXPECT_EQ(count_of(m), 1);
	memory_put(m);
	user_processes_settle();
}

static u32 loaded_on(const struct space *s)
{
	u32 cpus = 0;

	for (u32 cpu = 0; cpu < nr_cpus_up(); cpu++)
		cpus |= (u32)(READ_ONCE(*per_cpu_ptr(loaded_pml4, cpu)) == s->pml4) << cpu;
	return cpus;
}

KTEST(space, each_cpu_says_what_it_has_loaded)
{
	u32 last = nr_cpus_up() - 1;
	struct user_process u;
	struct memory *m;

	if (!counter(&u, &m))
		return;
	EXPECT_EQ(loaded_on(u.process->space), 0);
	EXPECT_EQ(loaded_pml4, 0); /* we have none */
	if (last && start_on(&u, last, m))
		while (loaded_on(u.process->space) != 1u << last) { /* somebody else may have a turn there */
			thread_yield();
			cpu_relax();
		}
	process_kill(u.process, 1);
	EXPECT_EQ(user_process_end(&u), 1);
	memory_put(m);
	thread_set_affinity(CPU_MASK_ALL);
	user_processes_settle();
}
