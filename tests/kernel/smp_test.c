/* Many CPUs at once, as many as there are: with one, each of these is still a test of the path. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "context/context.h"
#include "context/spinlock.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "sched/timer.h"

#define ROUNDS \
	(2000 / nr_up()) /* more CPUs than the host has take turns by its time slices, at every hand-over */

static unsigned nr_up(void)
{
	unsigned n = 0;

	for (u32 up = cpus_up; up; up &= up - 1)
		n++;
	return n;
}

static struct thread *crowd[NR_CPUS];

/* A thread on each CPU that is up, with its number as argument; joined by crowd_join(). */
static void crowd_start(int (*fn)(void *cpu))
{
	for (long cpu = 0; cpu < NR_CPUS; cpu++) {
		crowd[cpu] = NULL;
		if (!(cpus_up & 1u << cpu))
			continue;
		crowd[cpu] = thread_create("crowd", fn, (void *)cpu, PRIORITY_DEFAULT, 1u << cpu);
		EXPECT(crowd[cpu]);
	}
}

/* The sum of what they returned. */
static u64 crowd_join(void)
{
	u64 sum = 0;

	for (int cpu = 0; cpu < NR_CPUS; cpu++)
		if (crowd[cpu])
			sum += (u64)thread_join(crowd[cpu]);
	return sum;
}

static int am_i_where_i_should_be(void *cpu)
{
	return this_cpu(cpu_number) == (u32)(long)cpu &&
	       per_cpu_ptr(cpu_number, (long)cpu) == this_cpu_ptr(cpu_number);
}

KTEST(smp, a_thread_runs_where_it_may)
{
	crowd_start(am_i_where_i_should_be);
	EXPECT_EQ(crowd_join(), nr_up());
}

static SPINLOCK(crowd_lock);
static u64 counter;

static int count_under_lock(void *cpu)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 flags = spin_lock_irqsave(&crowd_lock);

		counter++;
		spin_unlock_irqrestore(&crowd_lock, flags);
	}
	return 0;
}

KTEST(smp, a_spinlock_excludes)
{
	counter = 0;
	crowd_start(count_under_lock);
	crowd_join();
	EXPECT_EQ(counter, nr_up() * ROUNDS);
}

static struct mutex crowd_mutex;

static int count_under_mutex(void *cpu)
{
	for (unsigned i = 0; i < ROUNDS / 10; i++) {
		mutex_lock(&crowd_mutex);
		counter++;
		mutex_unlock(&crowd_mutex);
	}
	return 0;
}

KTEST(smp, a_mutex_excludes)
{
	mutex_init(&crowd_mutex, "crowd");
	counter = 0;
	crowd_start(count_under_mutex);
	crowd_join();
	EXPECT_EQ(counter, nr_up() * (ROUNDS / 10));
}

static u32 called;

static void i_was_called(void *arg)
{
	__atomic_or_fetch(&called, 1u << this_cpu(cpu_number), __ATOMIC_RELAXED);
}

KTEST(smp, a_call_reaches_all_others)
{
	preempt_disable();
	called = 0;
	smp_call_others(i_was_called, NULL);
	EXPECT_EQ(called, cpus_up & ~(1u << this_cpu(cpu_number)));
	preempt_enable();
}

static int call_each_other(void *cpu)
{
	for (int i = 0; i < 20; i++)
		smp_serialize_others();
	return 0;
}

/* Whoever waits for the mailbox must serve the one who has it, or all wait for ever. */
KTEST(smp, all_call_each_other_at_once)
{
	crowd_start(call_each_other);
	crowd_join();
}

/* Round all CPUs and home. */
static int migrate(void *cpu)
{
	int errors = 0;

	for (int i = 0; i < 50; i++) {
		u32 next = ((u32)(long)cpu + (u32)i) % NR_CPUS;

		if (!(cpus_up & 1u << next))
			continue;
		errors += thread_set_affinity(1u << next) != 0;
		errors += this_cpu(cpu_number) != next;
	}
	return errors;
}

KTEST(smp, threads_move_from_cpu_to_cpu)
{
	crowd_start(migrate);
	EXPECT_EQ(crowd_join(), 0);
	EXPECT_EQ(thread_set_affinity(1u << 31), -EINVAL);
}

static int allocate(void *cpu)
{
	void *kept[32] = { 0 };
	u64 seed = (u64)(long)cpu * 7919 + 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned k = (unsigned)(seed >> 33) % 32;

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		if (kept[k]) {
			kfree(kept[k]);
			kept[k] = NULL;
		} else {
			kept[k] = kmalloc(1 + (seed >> 40) % 2048);
		}
	}
	for (int k = 0; k < 32; k++)
		kfree(kept[k]);
	return 0;
}

KTEST(smp, memory_is_exact_after_all_allocate)
{
	size_t frames = frames_free_count();

	crowd_start(allocate);
	crowd_join();
	EXPECT_EQ(frames_free_count(), frames);
}

#define SHOT_VA (SLOT_AREA + 0x100000)

static volatile u32 looked; /* CPUs that have the translation in their TLB */
static volatile bool shot;

/* Keeps using the page until it is gone for everybody; then it must be gone here. */
static int look(void *cpu)
{
	u8 byte;

	if (kernel_read_nofault(&byte, (void *)SHOT_VA, 1) != 0)
		return 1;
	__atomic_or_fetch(&looked, 1u << (long)cpu, __ATOMIC_SEQ_CST);
	while (!shot) {
		(void)*(volatile u8 *)&byte;
		thread_yield();
		cpu_relax();
	}
	return kernel_read_nofault(&byte, (void *)SHOT_VA, 1) == 0;
}

KTEST(smp, an_unmapped_page_is_gone_on_every_cpu)
{
	u64 pa = frame_alloc();

	EXPECT(pa);
	looked = 0;
	shot = false;
	EXPECT_EQ(map_pages(SHOT_VA, pa, 1, PAGE_RO), 0);
	crowd_start(look);
	while (looked != cpus_up)
		sleep_ns(100000);
	unmap_pages(SHOT_VA, 1);
	shot = true;
	EXPECT_EQ(crowd_join(), 0);
	frame_free(pa);
}

/* A site like a traced function's, and what a call of it does. */
void flip_target(void);
void flip_site(void);
__asm__(".pushsection .text\n"
	"flip_target:\n\tincq %rdi\n\tret\n"
	".type flip_site, @function\n"
	"flip_site:\n\tmov %rdi, %rax\n"
	"flip_at:\tnopl 0(%rax,%rax,1)\n\tmov %rdi, %rax\n\tret\n"
	".size flip_site, . - flip_site\n"
	".popsection\n");
extern u8 flip_at[];

static volatile bool flips_stop;
static u64 flip_news, flip_olds;

/* Runs the site as fast as it can: each time it must have done all of the old or all of the new. */
static int run_site(void *cpu)
{
	u64 olds = 0, news = 0, others = 0;

	while (!flips_stop) {
		u64 in = olds * 3 + 5, out;

		__asm__ volatile("call flip_site" : "=a"(out), "+D"(in) : : "memory", "cc");
		olds += out == olds * 3 + 5;
		news += out == olds * 3 + 6 && in == out;
		others += in != out;
		if ((olds + news) % 64 == 0)
			thread_yield(); /* with one CPU the exchanges wait for it */
		cpu_relax();
	}
	__atomic_fetch_add(&flip_olds, olds, __ATOMIC_RELAXED);
	__atomic_fetch_add(&flip_news, news, __ATOMIC_RELAXED);
	return (int)others;
}

KTEST(smp, text_is_exchanged_under_running_cpus)
{
	u8 nop[SITE_SIZE] = NOP5, call[SITE_SIZE] = { 0xe8 };
	u32 offset = (u32)((u64)flip_target - (u64)(flip_at + SITE_SIZE));
	u64 hits = text_poke_hits;

	for (int i = 0; i < 4; i++)
		call[1 + i] = (u8)(offset >> (8 * i));
	flips_stop = false;
	flip_olds = flip_news = 0;
	crowd_start(run_site);
	/* Each is four rounds of calls to all CPUs: what takes 2 ms with two takes 50 with eight. */
	for (unsigned i = 0; i < 200 / nr_up(); i++) {
		text_poke_bp(flip_at, i % 2 ? nop : call);
		thread_yield();
	}
	flips_stop = true;
	EXPECT_EQ(crowd_join(), 0);
	EXPECT(flip_olds && flip_news);
	EXPECT(text_poke_hits >= hits);
	printk("text_poke: %u flips, %lu old, %lu new, %lu int3s met\n", 200 / nr_up(), flip_olds, flip_news,
	       text_poke_hits - hits);
}
