/* An instruction is exchanged again and again under CPUs that run it: each execution is of the old or of the new one. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "context/context.h"
#include "context/spinlock.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"

/* A site like a traced function's, and what a call of it does. */
void flip_target(void);
void flip_site(void);
__asm__(".pushsection .text\n"
	"flip_target:\n\tincq %rdi\n\tret\n"
	".type flip_site, @function\n"
	"flip_site:\n\tmov %rdi, %rax\n"
	"flip_at:\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\tmov %rdi, %rax\n\tret\n"
	".size flip_site, . - flip_site\n" POKED_SITE(flip_at) ".popsection\n");
extern u8 flip_at[];

/* An exchange is four calls to all CPUs, and each costs a time slice for every CPU that the host hasn't got. */
static unsigned flips(void)
{
	static const unsigned least[NR_CPUS + 1] = { 0, 500, 500, 100, 60, 30, 20, 15, 12 };

	return stressed(least[crowd_cpus()]);
}

static volatile bool flips_stop;
static struct {
	u64 runs, olds, news, others;
} seen;

/* Runs the site as fast as it can. */
static int run_site(void *cpu)
{
	u64 runs = 0, olds = 0, news = 0, others = 0;

	while (!flips_stop) {
		u64 in = runs * 3 + 5, before = in, out;

		__asm__ volatile("call flip_site" : "=a"(out), "+D"(in) : : "memory", "cc");
		runs++;
		if (out == before && in == before)
			olds++;
		else if (out == before + 1 && in == out)
			news++;
		else
			others++;
		if (runs % 64 == 0)
			thread_yield(); /* on the CPU that exchanges, this lets it go on */
		cpu_relax();
	}
	__atomic_fetch_add(&seen.runs, runs, __ATOMIC_RELAXED);
	__atomic_fetch_add(&seen.olds, olds, __ATOMIC_RELAXED);
	__atomic_fetch_add(&seen.news, news, __ATOMIC_RELAXED);
	__atomic_fetch_add(&seen.others, others, __ATOMIC_RELAXED);
	return 0;
}

static void make_call(u8 call[SITE_SIZE])
{
	u32 offset = (u32)((u64)flip_target - (u64)(flip_at + SITE_SIZE));

	call[0] = 0xe8;
	for (int i = 0; i < 4; i++)
		call[1 + i] = (u8)(offset >> (8 * i));
}

/* In how many of @n exchanges another CPU was caught inside. */
static unsigned flip(unsigned n)
{
	u8 nop[SITE_SIZE] = NOP5, call[SITE_SIZE];
	unsigned met = 0;

	make_call(call);
	for (unsigned i = 0; i < n; i++) {
		u64 hits = READ_ONCE(text_poke_hits);

		text_poke_bp(flip_at, i % 2 ? nop : call);
		met += READ_ONCE(text_poke_hits) != hits;
		thread_yield();
	}
	if (n % 2)
		text_poke_bp(flip_at, nop);
	return met;
}

KTEST(flip, text_is_exchanged_under_running_cpus)
{
	unsigned n = flips(), met;
	u64 hits = READ_ONCE(text_poke_hits);

	flips_stop = false;
	seen.runs = seen.olds = seen.news = seen.others = 0;
	crowd_start(run_site, 1);
	met = flip(n);
	flips_stop = true;
	crowd_join();
	hits = READ_ONCE(text_poke_hits) - hits;
	printk("text_poke: %u flips, %u met (%u %%), %lu int3s handled, %lu old, %lu new\n", n, met,
	       met * 100 / n, hits, seen.olds, seen.news);
	EXPECT_EQ(seen.others, 0);
	EXPECT_EQ(seen.olds + seen.news, seen.runs);
	EXPECT(seen.olds && seen.news);
	EXPECT(met <= hits);
	if (crowd_cpus() > 1)
		EXPECT(met * 100 >= n);
}

static SPINLOCK(site_lock);
static volatile u32 taken, wanted; /* site_lock, by so many */
static volatile bool met;	   /* the exchange, by who has it */

#define TRIES 5
#define PATIENCE \
	1000000 /* cpu_relax(): who would exchange may have to wait for a third one, who waits for this CPU */

/* Has an old int3 before him, with the lock, in the middle of an exchange that waits for him and for who wants the lock. */
static int refresh_under_lock(void *arg)
{
	u64 flags = spin_lock_irqsave(&site_lock);

	taken = 1;
	for (u32 i = 0; i < PATIENCE && !text_poke_pending((u64)flip_at); i++)
		cpu_relax();
	met = text_poke_pending((u64)flip_at);
	text_refresh(flip_at);
	spin_unlock_irqrestore(&site_lock, flags);
	return 0;
}

static int want_the_lock(void *arg)
{
	u64 flags;

	while (!taken)
		cpu_relax();
	flags = local_irq_save();
	__atomic_fetch_add(&wanted, 1, __ATOMIC_SEQ_CST);
	spin_lock(&site_lock);
	spin_unlock(&site_lock);
	local_irq_restore(flags);
	return 0;
}

static void exchange_beside_them(u32 here, const u8 *bytes)
{
	struct thread *t[NR_CPUS] = { NULL };

	taken = wanted = met = 0;
	for (u32 cpu = crowd_next_cpu(here), n = 0; cpu != here; cpu = crowd_next_cpu(cpu), n++)
		t[cpu] = thread_create("flip", n ? want_the_lock : refresh_under_lock, NULL, PRIORITY_DEFAULT,
				       1u << cpu);
	while (crowd_cpus() > 1 && (!taken || wanted != crowd_cpus() - 2))
		cpu_relax();
	text_poke_bp(flip_at, bytes);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (t[cpu])
			EXPECT_EQ(thread_join(t[cpu]), 0);
	EXPECT(!memcmp(flip_at, bytes, SITE_SIZE));
}

KTEST(flip, an_old_int3_under_a_lock_waits_for_nobody)
{
	static const u8 nop[SITE_SIZE] = NOP5;
	u32 here, tries = 0;

	preempt_disable();
	here = this_cpu(cpu_number);
	preempt_enable();
	EXPECT_EQ(thread_set_affinity(1u << here), 0);
	do
		exchange_beside_them(here, nop);
	while (crowd_cpus() > 1 && !met && ++tries < TRIES);
	EXPECT(tries < TRIES);
	EXPECT_EQ(thread_set_affinity(CPU_MASK_ALL), 0);
}
