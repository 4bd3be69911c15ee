/*
 * A bust at each instruction of what a thread does with probes: of looking through them, and of a jump's coming. A probe on
 * that instruction brings it.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "kprobe/bust.h"
#include "lib/symtab.h"
#include "mm/alloc_fail.h"
#include "sched/thread.h"
#include "sched/work.h"
#include "tests/kernel/kprobe_bust_each.h"
#include "tests/kernel/stress.h"

static void do_nothing(struct work *w) {}
static WORK(behind, do_nothing);

/* What a bust has left goes. */
static void undo(void)
{
	optimize_busted();
	schedule_work(&behind);
	flush_work(&behind);
}

static void decode(bool jump)
{
	struct kprobe p = { .addr = (u64)jt_four, .technique = jump ? KPROBE_JUMP : KPROBE_STEP };
	u8 bytes[INSN_MAX_LENGTH];
	struct insn insn;

	if (!probe_on(&p))
		return;
	EXPECT(!jump || jumps(&p));
	bust_wanted = true;
	EXPECT_EQ(kprobe_decode(p.addr, sizeof(bytes), bytes, &insn), 0);
	bust_wanted = false;
	sweep_arm_again();
	EXPECT_EQ(insn.length, 3);
	EXPECT_EQ(memcmp(bytes, original, 8), 0);
	probe_off(&p);
	EXPECT(is_original());
}
static void meet_decode(struct kprobe *at) { decode(false); }
static void meet_decode_jump(struct kprobe *at) { decode(true); }

KTEST(kprobe_jump, a_bust_while_probes_are_looked_through)
{
	unsigned n = bust_at_each(kprobe_decode, meet_decode);

	EXPECT(busts > n / 2);
	n = bust_at_each(kprobe_decode, meet_decode_jump);
	EXPECT(busts > n / 2);
}

/* Before the jump is announced there is none afterwards; from then on it comes, and calls nobody. It can come again. */
static void expect_undone(struct kprobe *p, bool busted)
{
	hits = 0;
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, !busted);
	EXPECT(is_original() || *(volatile u8 *)p->addr == JMP32_BYTE);
	undo();
	EXPECT(!busted || is_original());
	EXPECT_EQ(kprobe_arm(p), 0);
	EXPECT(jumps(p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(p->nmissed, 0);
	probe_off(p);
	EXPECT(is_original());
}

static void meet_jump(struct kprobe *at)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
	u64 before = busts;

	if (!probe_on(&p))
		return;
	bust_wanted = true;
	kprobe_settle();
	bust_wanted = false;
	sweep_arm_again();
	expect_undone(&p, busts != before);
}

KTEST(kprobe_jump, a_bust_while_a_jump_comes)
{
	unsigned n = bust_at_each(optimize_finish, meet_jump);

	EXPECT(busts > n / 2);
}

/* Of two probes at one jump the second goes, and a bust meanwhile: nobody is called any more. */
static void meet_disarming(struct kprobe *at)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit }, q = p;
	u64 before = busts;

	if (!probe_on(&p))
		return;
	if (probe_on(&q)) {
		EXPECT(jumps(&p));
		bust_wanted = true;
		kprobe_disarm(&q);
		bust_wanted = false;
		sweep_arm_again();
		hits = 0;
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, busts == before);
		probe_off(&q);
	}
	probe_off(&p);
	undo();
	EXPECT(is_original());
}

KTEST(kprobe_jump, a_bust_while_it_is_changed_whom_a_jump_calls)
{
	bust_at_each(site_update, meet_disarming);
	EXPECT(busts > 10);
}

/* The last jump goes as another probe comes into its bytes: what it leaves there calls nobody, and goes by and by. */
static void meet_going(struct kprobe *at)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
	struct kprobe within = { .addr = (u64)jt_four + 3, .pre = count_hit };
	u64 before = busts;
	const char *why;
	int err;

	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	bust_wanted = true;
	err = kprobe_register(&within, &why);
	bust_wanted = false;
	sweep_arm_again();
	EXPECT_EQ(err, 0);
	hits = 0;
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, busts == before);
	undo();
	EXPECT_EQ(*(volatile u8 *)jt_four, busts == before ? INT3_BYTE : (u8)original[0]);
	probe_off(&p);
	if (!err)
		probe_off(&within);
	EXPECT(is_original());
}

KTEST(kprobe_jump, a_bust_while_a_jump_goes)
{
	bust_at_each(unoptimize, meet_going);
	EXPECT(busts > 10);
}

static int settle(void *arg)
{
	kprobe_settle();
	return 0;
}

/* The same from another CPU, sooner or later. */
KTEST(kprobe_jump, a_bust_on_one_cpu_while_a_jump_comes_on_another)
{
	original_keep();
	for (unsigned i = 0; i < stressed(30); i++) {
		struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
		enum jump_state awaited = i % 2 ? JUMP_READY : JUMP_IN;
		struct thread *t;

		if (!probe_on(&p))
			return;
		t = thread_create("settler", settle, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
		for (int turns = 0; turns < 100000 && READ_ONCE(p.site->jump) < awaited; turns++)
			thread_yield();
		for (unsigned n = 0; n < i * 10; n++)
			cpu_relax();
		bust_disarm_all();
		thread_join(t);
		sweep_arm_again();
		expect_undone(&p, true);
	}
}

static struct kprobe_site nobody;

/* All detours that there is memory for, and no more may come. What there might have been. */
static size_t take_detours(void)
{
	size_t max = detours.max;
	int err;

	mutex_lock(&kprobe_mutex);
	detours.max = detours.nr;
	while (slots_take(&detours, &nobody, &err))
		;
	mutex_unlock(&kprobe_mutex);
	EXPECT_EQ(err, -ENOSPC);
	return max;
}

static void give_detours_back(void)
{
	for (u64 at = DETOUR_AREA; in_detours(at); at += PAGE_SIZE)
		for (u64 i = 0; i < DETOURS_A_PAGE; i++)
			if (slots_owner(&detours, at + i * DETOUR_SIZE) == &nobody)
				slots_give(&detours, (u8 *)(at + i * DETOUR_SIZE));
}

static void stays_int3(struct kprobe *p)
{
	EXPECT(!jumps(p));
	EXPECT_EQ(*(volatile u8 *)p->addr, INT3_BYTE);
	EXPECT_EQ(run_code((const void *)p->addr), 4);
	EXPECT_EQ(p->hits, 1);
}

/* Without a detour a probe stays an int3's; with the next round after there is room it jumps. */
KTEST(kprobe_jump, detours_run_out)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit },
		      q = { .addr = (u64)jt_behind, .pre = count_hit };
	size_t max;

	kprobe_settle();
	max = take_detours();
	if (probe_on(&p))
		stays_int3(&p); /* -ENOSPC */
	detours.max = max;
	kprobe_disarm(&p); /* so that the other asks for the page */
	if (probe_on(&q)) {
		alloc_fail_nth(1);
		stays_int3(&q); /* -ENOMEM */
		EXPECT_EQ(alloc_fail_pending(), 0);
		alloc_fail_nth(0);
	}
	give_detours_back();
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT(jumps(&p) && jumps(&q));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(run_code(jt_behind), 4);
	EXPECT_EQ(p.hits, 2);
	EXPECT_EQ(q.hits, 2);
	EXPECT_EQ(p.nmissed + q.nmissed, 0);
	probe_off(&p);
	probe_off(&q);
}
