/*
 * All CPUs set and take away probes at the same and at neighbouring places of a function, while they run through it, its entry
 * is traced and not, and a static key in it is switched; int3s become jumps and int3s again: it computes what it always did,
 * and its bytes are as before.
 */
#include "abi/errno.h"
#include "ftrace/static_key.h"
#include "kprobe/kprobe.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"
#include "tracefs/tracefs.h"

#define PLACES_MAX 64
#define HELD	   4 /* probes that each CPU has at a time */

static struct static_key storm_key;

/* Calls, branches, memory, the stack; the key adds 1000 and nothing else. */
static volatile u64 storm_cell = 7;
static noinline u64 storm_leaf(u64 x) { return x * 5 + storm_cell; }
static noinline u64 storm_function(u64 x)
{
	u64 sum = x;

	if (static_branch_unlikely(&storm_key))
		sum += 1000;
	for (u64 i = 0; i < (x & 3); i++)
		sum += storm_leaf(i);
	return sum ^ storm_leaf(x) << 1;
}

/* By no path that is probed. */
static u64 expected(u64 x, u64 key)
{
	u64 sum = x + key;

	for (u64 i = 0; i < (x & 3); i++)
		sum += i * 5 + 7;
	return sum ^ (x * 5 + 7) << 1;
}

static u64 places[PLACES_MAX];
static u32 nr_places;
static struct {
	u64 runs, wrong, set, refused, hits, failed;
	const char *why;
} storm;

static void find_places(const void *function)
{
	struct symbol sym;
	struct insn insn;

	if (!symtab_find(&kernel_symtab, (u64)function, &sym))
		return;
	for (u64 at = sym.start; at < sym.start + sym.size && nr_places < PLACES_MAX; at += insn.length) {
		if (insn_decode(&insn, (const u8 *)at, sym.start + sym.size - at) != 0)
			return;
		places[nr_places++] = at;
	}
}

static u64 next_random(u64 *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

static void count_hit(struct kprobe *p, struct pt_regs *regs)
{
	__atomic_fetch_add(&storm.hits, 1, __ATOMIC_RELAXED);
}

static void run_through(u64 x)
{
	u64 got = storm_function(x);

	__atomic_fetch_add(&storm.runs, 1, __ATOMIC_RELAXED);
	if (got != expected(x, 0) && got != expected(x, 1000))
		__atomic_fetch_add(&storm.wrong, 1, __ATOMIC_RELAXED);
}

/* What may be refused: a technique that doesn't apply, or that another probe there doesn't want; a key's branch; a traced entry. */
static void set(struct kprobe *p, u64 r)
{
	const char *why = "arming";
	int err;

	*p = (struct kprobe){ .addr = places[r % nr_places], .pre = count_hit };
	p->technique = (enum kprobe_technique)((r >> 8 & 0xff) % NR_TECHNIQUES);
	if (r >> 16 & 1) /* half of them may become jumps */
		p->technique = r >> 17 & 1 ? KPROBE_JUMP : KPROBE_AUTO;
	else if (r >> 17 & 1)
		p->post = count_hit;
	err = kprobe_register(p, &why);
	if (!err) {
		err = kprobe_arm(p);
		if (err)
			kprobe_unregister(p);
	}
	if (err)
		p->addr = 0;
	if (!err)
		__atomic_fetch_add(&storm.set, 1, __ATOMIC_RELAXED);
	else if (err == -EINVAL || err == -EBUSY)
		__atomic_fetch_add(&storm.refused, 1, __ATOMIC_RELAXED);
	else
		WRITE_ONCE(storm.why, why);
}

static void take_away(struct kprobe *p)
{
	if (p->addr)
		kprobe_unregister(p);
	p->addr = 0;
}

static void write_file(const char *path, const char *text)
{
	if (tracefs_write(path, text, strlen(text), false) != 0)
		__atomic_fetch_add(&storm.failed, 1, __ATOMIC_RELAXED);
}

/* The first CPU switches the tracer, the last the key: each by one only, as files and keys ask for. */
static void switch_things(u32 cpu, u64 r)
{
	static bool traced, on;

	if (cpu == 0 && (r & 7) == 0) {
		traced = !traced;
		write_file(TRACEFS_MOUNT "/current_tracer", traced ? "function" : "nop");
	}
	if (cpu == crowd_cpus() - 1 && (r & 3) == 1) {
		on = !on;
		static_key_set(&storm_key, on);
	}
}

static struct kprobe held[NR_CPUS][HELD];

static int one_cpu(void *arg)
{
	u32 cpu = (u32)(u64)arg;
	u64 r = 0x9e3779b97f4a7c15 * (cpu + 1 + cmdline.chaos * NR_CPUS);

	for (unsigned i = 0; i < stressed_each(400); i++) {
		struct kprobe *p = &held[cpu][next_random(&r) % HELD];

		take_away(p);
		set(p, next_random(&r) >> 8);
		if (p->addr && (r & 0x300) == 0) {
			kprobe_disarm(p);
			run_through(r >> 32);
			if (kprobe_arm(p) != 0)
				take_away(p);
		}
		for (u64 n = 0; n < 8; n++)
			run_through((r >> 24) + n);
		switch_things(cpu, r >> 40);
		if ((r >> 50 & 7) == 0)
			kprobe_settle();
		thread_yield();
	}
	for (int i = 0; i < HELD; i++)
		take_away(&held[cpu][i]);
	return 0;
}

static u64 text_sum(void)
{
	extern const u8 __text_start[], __text_end[];
	u64 sum = 0xcbf29ce484222325;

	for (const volatile u8 *p = __text_start; p < __text_end; p++)
		sum = (sum ^ *p) * 0x100000001b3;
	return sum;
}

KTEST(kprobe_storm, probes_come_and_go_under_running_cpus)
{
	u64 before = text_sum(), jumps = kprobe_jumps_made;

	memset(&storm, 0, sizeof(storm));
	nr_places = 0;
	find_places(storm_function);
	find_places(storm_leaf);
	EXPECT(nr_places > 20);
	write_file(TRACEFS_MOUNT "/set_ftrace_filter", "storm_function storm_leaf");
	crowd_run(one_cpu);
	write_file(TRACEFS_MOUNT "/current_tracer", "nop");
	write_file(TRACEFS_MOUNT "/set_ftrace_filter", "");
	static_key_set(&storm_key, false);
	EXPECT_EQ(storm.wrong, 0);
	EXPECT_EQ(storm.failed, 0);
	if (storm.why)
		ktest_fail(storm.why, 0, "refused", 0, 0);
	EXPECT(storm.set > storm.refused / 4);
	EXPECT(storm.hits > storm.set);
	EXPECT(kprobe_jumps_made > jumps);
	EXPECT_EQ(text_sum(), before); /* byte for byte */
	ktest_comment("%u CPUs, %u places: %lu probes set, %lu refused, %lu jumps, %lu hits, %lu runs",
		      crowd_cpus(), nr_places, storm.set, storm.refused, kprobe_jumps_made - jumps,
		      storm.hits, storm.runs);
}
