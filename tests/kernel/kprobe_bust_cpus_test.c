/*
 * A bust on one CPU while others arm, are hit, or are busted themselves: who is in the middle of a hit finishes it, who is in the middle
 * of arming fails, and the text is as it was.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "context/watch.h"
#include "kprobe/bust.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/kprobe_bust_each.h"
#include "tests/kernel/stress.h"

extern const u8 __text_start[];

static void begin(void)
{
	original_keep();
	hits = 0;
}

/* As another CPU's between an arming's last look and its int3, and a second one behind it: whoever runs there. */
KTEST(kprobe_jump, an_int3_that_comes_after_a_bust_is_taken_out)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit, .technique = KPROBE_STEP };
	static const u8 int3 = INT3_BYTE;

	begin();
	if (!probe_on(&p))
		return;
	bust_disarm_all();
	bust_disarm_all();
	sweep_arm_again();
	EXPECT(is_original());
	text_poke((void *)(u64)jt_four, &int3, 1);
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT(is_original());
	EXPECT_EQ(hits, 0);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 1);
	probe_off(&p);
	EXPECT(is_original());
}

/* At each instruction of it: what it says is so, and afterwards all is as if it had never been tried. */
static void meet_arming(void)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit, .technique = KPROBE_STEP };
	u64 before = busts;
	const char *why;
	int err;

	if (kprobe_register(&p, &why) != 0)
		return;
	bust_wanted = true;
	err = kprobe_arm(&p);
	bust_wanted = false;
	sweep_arm_again();
	EXPECT_EQ(err, busts == before ? 0 : -EAGAIN);
	EXPECT(err ? is_original() : *(volatile u8 *)jt_four == INT3_BYTE);
	kprobe_arm(&p);
	hits = 0;
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 1);
	probe_off(&p);
	EXPECT(is_original());
}

/* Of two probes one goes, by an update of its place that finds the other still there: then it isn't, and nothing is. */
static void meet_disarming(void)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit, .technique = KPROBE_STEP }, q = p;
	u64 before = busts;

	if (!probe_on(&p))
		return;
	if (probe_on(&q)) {
		bust_wanted = true;
		kprobe_disarm(&q);
		bust_wanted = false;
		sweep_arm_again();
		EXPECT(busts != before ? is_original() : *(volatile u8 *)jt_four == INT3_BYTE);
		hits = 0;
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, busts == before);
		probe_off(&q);
	}
	probe_off(&p);
	EXPECT(is_original());
}

static void meet_updates(struct kprobe *at)
{
	meet_arming();
	EXPECT_EQ(kprobe_arm(at), 0);
	meet_disarming();
}

KTEST(kprobe_jump, a_bust_while_a_place_is_updated)
{
	bust_at_each(site_update, meet_updates);
	EXPECT(busts > 10);
}

static volatile bool parked, go_on;

static void park(struct kprobe *p, struct pt_regs *regs)
{
	parked = true;
	while (!go_on) {
		smp_call_interrupt(); /* who sees to it that an emulator sees the probe may be waiting, where the test should go on */
		cpu_relax();
	}
	count_hit(p, regs);
}

static int run_parked(void *arg) { return (int)run_code(arg); }

/* In the handler of each technique, while all probes go, and the one that is being hit is given back. */
KTEST(kprobe_jump, a_bust_while_another_cpu_is_in_a_handler)
{
	static const enum kprobe_technique techniques[] = { KPROBE_STEP, KPROBE_INT3, KPROBE_BOOST,
							    KPROBE_JUMP };
	u32 other = crowd_next_cpu(0);

	begin();
	if (!other)
		return; /* there is none */
	EXPECT_EQ(thread_set_affinity(1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(techniques); i++) {
		struct kprobe p = { .addr = (u64)jt_four, .pre = park, .technique = techniques[i] };
		struct thread *t;

		parked = go_on = false;
		hits = 0;
		if (!probe_on(&p))
			break;
		if (techniques[i] == KPROBE_JUMP)
			EXPECT(jumps(&p));
		kprobe_seen();
		t = thread_create("parked", run_parked, (void *)jt_four, PRIORITY_DEFAULT, 1u << other);
		while (!parked)
			thread_yield();
		bust_disarm_all();
		go_on = true;
		EXPECT_EQ(thread_join(t), 4);
		sweep_arm_again();
		EXPECT_EQ(hits, 1);
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 1);
		probe_off(&p);
		EXPECT(is_original());
	}
	thread_set_affinity(CPU_MASK_ALL);
}

/* Behind the copy, with the step still counted. */
KTEST(kprobe_jump, a_bust_while_another_cpu_is_behind_a_copy)
{
	static const enum kprobe_technique techniques[] = { KPROBE_STEP, KPROBE_INT3 };
	u32 other = crowd_next_cpu(0);

	begin();
	if (!other)
		return;
	EXPECT_EQ(thread_set_affinity(1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(techniques); i++) {
		struct kprobe p = { .addr = (u64)jt_four, .post = park, .technique = techniques[i] };
		struct thread *t;

		parked = go_on = false;
		hits = 0;
		if (!probe_on(&p))
			break;
		kprobe_seen();
		t = thread_create("parked", run_parked, (void *)jt_four, PRIORITY_DEFAULT, 1u << other);
		while (!parked)
			thread_yield();
		bust_disarm_all();
		EXPECT(is_original());
		EXPECT_EQ(*per_cpu_ptr(step_depth, other), 1);
		go_on = true;
		EXPECT_EQ(thread_join(t), 4);
		sweep_arm_again();
		EXPECT_EQ(hits, 1);
		EXPECT_EQ(*per_cpu_ptr(step_depth, other), 0);
		probe_off(&p);
		EXPECT(is_original());
	}
	thread_set_affinity(CPU_MASK_ALL);
}

#define SCANNED (1ul << 20)

CODE(scans, "", "rep lodsb", "", "");

static void say(struct kprobe *p, struct pt_regs *regs) { parked = true; }

/* As many bytes as it was to read are read, and all that was there is. */
static int run_scan(void *arg)
{
	u64 n = SCANNED, at = (u64)__text_start, flags;

	__asm__ volatile("call scans\n\tpushfq\n\tpop %2"
			 : "+c"(n), "+S"(at), "=r"(flags)
			 :
			 : "rax", "memory", "cc");
	return n == 0 && at == (u64)__text_start + SCANNED && flags & X86_EFLAGS_IF &&
	       !(flags & X86_EFLAGS_TF);
}

/* In the copy itself, which takes its time; tried until it is seen there when the bust is over. */
static unsigned catch_in_copy(enum kprobe_technique technique, u32 other)
{
	unsigned caught = 0;

	for (unsigned i = 0; i < 100 && !caught; i++) {
		struct kprobe p = { .addr = scans_at[0], .pre = say, .technique = technique };
		struct thread *t;

		parked = false;
		if (!probe_on(&p))
			return 0;
		kprobe_seen();
		t = thread_create("scan", run_scan, NULL, PRIORITY_DEFAULT, 1u << other);
		while (!parked)
			thread_yield();
		bust_disarm_all();
		caught += *per_cpu_ptr(step_depth, other) == 1;
		EXPECT_EQ(thread_join(t), 1);
		sweep_arm_again();
		EXPECT_EQ(*(const volatile u8 *)p.addr, 0xf3);
		EXPECT_EQ(p.hits, 1);
		probe_off(&p);
	}
	return caught;
}

KTEST(kprobe_jump, a_bust_while_another_cpu_is_in_a_copy)
{
	u32 other = crowd_next_cpu(0);

	if (!other)
		return;
	EXPECT_EQ(thread_set_affinity(1), 0);
	EXPECT(catch_in_copy(KPROBE_INT3, other));
	thread_set_affinity(CPU_MASK_ALL);
}

static volatile bool over;

/* Until told: code that has a probe most of the time. */
static int run_on(void *cpu)
{
	int bad = 0;

	while (!over) {
		bad += run_code(jt_four) != 4;
		bad += run_code(jt_row) != 26;
		thread_yield();
	}
	return bad;
}

static u64 many_hits;
static void count_many(struct kprobe *p, struct pt_regs *regs)
{
	__atomic_fetch_add(&many_hits, 1, __ATOMIC_RELAXED);
}

static void arm_and_bust(unsigned i)
{
	static const enum kprobe_technique techniques[] = { KPROBE_STEP,    KPROBE_INT3, KPROBE_BOOST,
							    KPROBE_EMULATE, KPROBE_AUTO, KPROBE_JUMP };
	enum kprobe_technique t = techniques[i % ARRAY_SIZE(techniques)];
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_many, .technique = t },
		      q = { .addr = (u64)jt_row, .pre = count_many, .technique = t };
	const char *why;
	u64 until;
	bool first = kprobe_register(&p, &why) == 0, second = kprobe_register(&q, &why) == 0;

	if (first)
		EXPECT_EQ(kprobe_arm(&p), 0);
	if (second)
		EXPECT_EQ(kprobe_arm(&q), 0);
	if (i % 3 == 0)
		kprobe_settle(); /* jumps have come */
	until = READ_ONCE(many_hits) + i % 5;
	while (first && READ_ONCE(many_hits) < until)
		thread_yield();
	bust_disarm_all();
	optimize_busted();
	if (first)
		kprobe_unregister(&p);
	if (second)
		kprobe_unregister(&q);
}

KTEST(kprobe_jump, busts_while_others_are_being_hit)
{
	u64 row[8];

	begin();
	memcpy(row, jt_row, sizeof(row));
	over = false;
	crowd_start(run_on, 1);
	for (unsigned i = 0, n = stressed(60); i < n; i++)
		arm_and_bust(i);
	over = true;
	EXPECT_EQ(crowd_join(), 0);
	sweep_arm_again();
	kprobe_flush();
	EXPECT(is_original());
	EXPECT_EQ(memcmp(row, jt_row, sizeof(row)), 0);
}

static u64 victim_runs;
static __attribute__((noipa)) u64 victim(u64 n)
{
	__atomic_fetch_add(&victim_runs, 1, __ATOMIC_RELAXED);
	return n + 1;
}

/* Each CPU's first int3 recurses until its stack ends, or until another's has: then all go back as they came. */
static int recurse(void *cpu)
{
	struct cpu_accounts before = accounts_now();
	int bad = 0;

	for (u64 i = 0; i < 3; i++)
		bad += victim(i) != i + 1;
	bad += ((accounts_now().context_word ^ before.context_word) & ~CONTEXT_NO_RESCHED) != 0;
	bad += !rcu_is_watching() || !irqs_enabled() || steps_now() != 0;
	return bad;
}

KTEST(kprobe_jump, all_cpus_recurse_at_once)
{
	for (unsigned i = 0, n = stressed(4); i < n; i++) {
		/* A jump on the victim would be no trap. */
		struct kprobe p = { .addr = (u64)rcu_nmi_enter, .technique = KPROBE_STEP },
			      q = { .addr = (u64)victim + SITE_SIZE, .technique = KPROBE_STEP };
		u64 before = bust_count;

		victim_runs = 0;
		kprobe_unsafe = true;
		if (probe_on(&q) && probe_on(&p)) {
			kprobe_seen();
			EXPECT_EQ(crowd_run(recurse), 0);
			EXPECT(bust_count != before);
			EXPECT_EQ(victim_runs, 3 * crowd_cpus());
		}
		kprobe_unsafe = false;
		sweep_arm_again();
		probe_off(&p);
		probe_off(&q);
	}
}
