/* Static keys: off they cost a nop, on they jump, and no probe gets between. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/static_key.h"
#include "kernel/cmdline.h"
#include "kprobe/kprobe.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "sched/thread.h"

static struct static_key key, other;

static noinline int which_way(void) { return static_branch_unlikely(&key) ? 2 : 1; }
static noinline int which_other_way(void) { return static_branch_unlikely(&other) ? 2 : 1; }
static noinstr int which_hidden_way(void) { return static_branch_unlikely(&key) ? 2 : 1; }

static void expect_ways(int way, int other_way)
{
	EXPECT_EQ(which_way(), way);
	EXPECT_EQ(which_hidden_way(), way);
	EXPECT_EQ(which_other_way(), other_way);
}

KTEST(static_key, each_key_switches_its_own_branches)
{
	u32 before = key.switched;

	expect_ways(1, 1);
	static_key_set(&key, true);
	expect_ways(2, 1);
	EXPECT(static_key_enabled(&key));
	static_key_set(&key, true); /* it is already */
	static_key_set(&other, true);
	expect_ways(2, 2);
	static_key_set(&key, false);
	expect_ways(1, 2);
	static_key_set(&other, false);
	expect_ways(1, 1);
	EXPECT_EQ(key.switched, before + 4); /* two beginnings, two ends */
}

static struct static_key one, another, any;
static unsigned changes;
static void count_change(bool on) { changes += on ? 1 : 100; }
STATIC_KEY_ANY(test_any, .key = &any, .changed = count_change, .of = ANY_OF(&one, &another));

static noinline bool any_is_on(void) { return static_branch_unlikely(&any); }

KTEST(static_key, one_is_on_while_any_of_others_is)
{
	changes = 0;
	EXPECT(!any_is_on());
	static_key_set(&one, true);
	EXPECT(any_is_on());
	static_key_set(&another, true);
	static_key_set(&one, false);
	EXPECT(any_is_on());
	EXPECT_EQ(changes, 1);
	static_key_set(&another, false);
	EXPECT(!any_is_on());
	EXPECT_EQ(changes, 101);
}

/* The first site in @fn. */
static u64 site_in(u64 fn)
{
	for (u64 at = fn; at < fn + 64; at++)
		if (static_site_at(at))
			return at;
	return 0;
}

KTEST(static_key, off_is_a_nop_and_on_a_jump)
{
	static const u8 nop[SITE_SIZE] = NOP5;
	const u8 *site = (const u8 *)site_in((u64)which_way);

	EXPECT(site);
	if (!site)
		return;
	EXPECT(!memcmp(site, nop, SITE_SIZE));
	static_key_set(&key, true);
	EXPECT_EQ(*(volatile const u8 *)site, JMP32_BYTE);
	static_key_set(&key, false);
	EXPECT(!memcmp(site, nop, SITE_SIZE));
}

KTEST(static_key, a_probe_on_a_branch_is_refused)
{
	u64 site = site_in((u64)which_way);
	struct kprobe p = { .addr = site };
	const char *why = NULL;

	EXPECT(!static_site_at(site - 1) && static_site_at(site + 4) && !static_site_at(site + 5));
	EXPECT_EQ(kprobe_register(&p, &why), -EINVAL);
	EXPECT(why && strncmp(why, "A static key's branch", 21) == 0);
}

/* What which_way() must say: 0 while the key is being switched. Odd numbers of @phase are such times. */
static volatile u32 phase;
static volatile bool stop;
static u64 old_ways, new_ways;

static int run_the_branch(void *arg)
{
	u64 ways[2] = { 0, 0 };
	int wrong = 0;

	while (!stop) {
		u32 before = phase;
		int way = which_way();

		barrier();
		if (before == phase && !(before & 1))
			wrong += way != ((before >> 1 & 1) ? 2 : 1);
		ways[way - 1]++;
		if ((ways[0] + ways[1]) % 64 == 0)
			thread_yield(); /* with one CPU the switching waits for it */
		cpu_relax();
	}
	__atomic_fetch_add(&old_ways, ways[0], __ATOMIC_RELAXED);
	__atomic_fetch_add(&new_ways, ways[1], __ATOMIC_RELAXED);
	return wrong;
}

KTEST(static_key, a_branch_is_switched_under_running_cpus)
{
	struct thread *runners[NR_CPUS] = { NULL };
	unsigned flips = 0;

	stop = false;
	phase = 0;
	old_ways = new_ways = 0;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu)
			runners[cpu] =
				thread_create("branch", run_the_branch, NULL, PRIORITY_DEFAULT, 1u << cpu);
	/* At least twenty times, and until both ways have been gone. */
	for (; flips < 20 * cmdline.stress || phase & 2; flips++) {
		phase++;
		static_key_set(&key, !static_key_enabled(&key));
		phase++;
		thread_yield();
	}
	stop = true;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (runners[cpu])
			EXPECT_EQ(thread_join(runners[cpu]), 0);
	EXPECT(old_ways && new_ways);
	EXPECT(!static_key_enabled(&key));
}
