/* Jumps that come, many at once and after a wait, and go when anything speaks against them, and leave the text as it was. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "context/irq_work.h"
#include "kprobe/bust.h"
#include "kprobe/watchpoint.h"
#include "sched/thread.h"
#include "sched/work.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/kprobe_jumps.h"
#include "tests/kernel/stress.h"
#include "tracefs/tracefs.h"

/* What comes over the five bytes has them back at once; when it goes, the jump comes again. */
KTEST(kprobe_jump, what_comes_into_the_five_bytes_takes_the_jump_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
	struct kprobe within = { .addr = (u64)jt_four + 3, .pre = count_hit };
	struct watchpoint w = { .addr = (u64)jt_four + 3, .len = 1, .type = WATCH_EXECUTE };
	const char *why;

	hits = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	if (probe_on(&within)) {
		EXPECT_EQ(*(volatile u8 *)p.addr, INT3_BYTE);
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		EXPECT_EQ(within.hits, 1);
		probe_off(&within);
	}
	EXPECT(jumps(&p));
	EXPECT_EQ(watchpoint_register(&w, &why), 0);
	EXPECT_EQ(watchpoint_arm(&w), 0);
	EXPECT(!jumps(&p));
	kprobe_disarm(&p);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT(!jumps(&p));
	watchpoint_unregister(&w);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 3);
	probe_off(&p);
}

KTEST(kprobe_jump, a_post_handler_or_another_technique_takes_the_jump_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
	struct kprobe more = { .addr = (u64)jt_four, .post = count_hit };

	hits = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	if (probe_on(&more)) {
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		probe_off(&more);
	}
	EXPECT(jumps(&p));
	more = (struct kprobe){ .addr = (u64)jt_four, .technique = KPROBE_STEP };
	if (probe_on(&more)) {
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		probe_off(&more);
	}
	EXPECT(jumps(&p));
	more = (struct kprobe){ .addr = (u64)jt_four, .pre = count_hit };
	hits = 0;
	if (probe_on(&more)) { /* two share the jump */
		EXPECT(jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		kprobe_disarm(&p);
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 3);
		EXPECT_EQ(more.hits, 2);
		probe_off(&more);
	}
	probe_off(&p);
}

static size_t detours_taken(void)
{
	size_t n = 0;

	for (u64 at = DETOUR_AREA; in_detours(at); at += PAGE_SIZE)
		for (u64 i = 0; i < DETOURS_A_PAGE; i++)
			n += slots_owner(&detours, at + i * DETOUR_SIZE) != NULL;
	return n;
}

/* One wait for all; their detours and slots are free again afterwards. */
KTEST(kprobe_jump, many_become_jumps_in_one_round)
{
	static struct kprobe probes[ROW_PROBES];
	extern u64 rcu_tasks_done;
	u64 waits, made = kprobe_jumps_made;
	size_t slots = kprobe_slots_free(), taken = detours_taken(); /* others': a sweep has some */

	kprobe_settle();
	hits = 0;
	for (int i = 0; i < ROW_PROBES; i++) {
		probes[i] = (struct kprobe){ .addr = (u64)jt_row + 6u * (u64)i, .pre = count_hit };
		if (!probe_on(&probes[i]))
			return;
	}
	waits = rcu_tasks_done;
	kprobe_settle();
	EXPECT_EQ(kprobe_jumps_made - made, ROW_PROBES);
	EXPECT(rcu_tasks_done - waits <= 2); /* one may have been on its way */
	EXPECT_EQ(run_code(jt_row), 26);
	EXPECT_EQ(hits, ROW_PROBES);
	for (int i = 0; i < ROW_PROBES; i++)
		probe_off(&probes[i]);
	EXPECT_EQ(run_code(jt_row), 26);
	EXPECT_EQ(hits, ROW_PROBES);
	EXPECT_EQ(kprobe_slots_free(), slots);
	EXPECT_EQ(detours_taken(), taken);
}

static void do_nothing(struct work *w) {}
static WORK(behind, do_nothing);

/* A detour that was busted calls nobody, at once; its jump goes later. */
KTEST(kprobe_jump, a_bust_leaves_a_jump_that_does_nothing)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit },
		      q = { .addr = (u64)jt_behind, .pre = count_hit };
	u8 text[16];

	memcpy(text, jt_four, sizeof(text));
	hits = 0;
	if (!probe_on(&p) || !probe_on(&q))
		return;
	EXPECT(jumps(&p));
	kprobe_disarm(&q);
	EXPECT(bust_disarm_all() >= 1); /* a sweep has more */
	sweep_arm_again();
	EXPECT_EQ(*(volatile u8 *)p.addr, JMP32_BYTE);
	EXPECT(!p.armed);
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 0);
	optimize_busted();
	schedule_work(&behind);
	flush_work(&behind);
	EXPECT_EQ(memcmp(text, jt_four, sizeof(text)), 0);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 1);
	probe_off(&p);
	probe_off(&q);
}

KTEST(kprobe_jump, the_file_technique_takes_jumps_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };

	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "boost", 5, false), 0);
	EXPECT(!jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "auto", 4, false), 0);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(p.hits, 2);
	probe_off(&p);
}

/*
 * A thread that was preempted in front of the second instruction: by an interrupt that the first one's handler asks for, and
 * a thread that takes the CPU and doesn't give it back.
 */
CODE(jt_tail, "", "incq %rax", "incq %rax\n\tincl %eax", "");
static struct {
	struct wait_queue queue;
	bool go, there, release;
	u32 cpu;
} tail;

static void wake_taker(struct irq_work *w)
{
	WRITE_ONCE(tail.go, true);
	wake_one(&tail.queue);
}
static IRQ_WORK(waking, wake_taker);
static void interrupt_behind(struct kprobe *p, struct pt_regs *regs) { irq_work_queue(&waking); }

static int take_cpu(void *arg)
{
	wait_event(&tail.queue, READ_ONCE(tail.go));
	WRITE_ONCE(tail.there, true);
	while (!READ_ONCE(tail.release))
		cpu_relax();
	return 0;
}
static int run_into_tail(void *arg) { return (int)run_code(jt_tail); }
static int settle(void *arg)
{
	kprobe_settle();
	return 0;
}

static bool wait_for_state(const struct kprobe *p, enum jump_state state)
{
	for (int i = 0; i < 100000 && READ_ONCE(p->site->jump) < state; i++)
		thread_yield();
	return READ_ONCE(p->site->jump) == state;
}

/* The jump waits; who is hit meanwhile doesn't come into the five bytes, either. */
static void jump_over_sleeper(struct kprobe *p)
{
	struct thread *t;

	*p = (struct kprobe){ .addr = (u64)jt_tail, .pre = count_hit, .technique = KPROBE_JUMP };
	hits = 0;
	if (!probe_on(p))
		return;
	t = thread_create("settler", settle, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));
	EXPECT(wait_for_state(p, JUMP_READY));
	EXPECT(in_detours(p->site->boosted));
	for (int i = 0; i < 1000; i++) {
		hits = 0;
		if (run_code(jt_tail) != 3 || hits != 1)
			ktest_fail("hit while it waits", i, "", hits, 1);
		thread_yield();
	}
	EXPECT_EQ(p->site->jump, JUMP_READY);
	EXPECT_EQ(*(volatile u8 *)p->addr, INT3_BYTE);
	WRITE_ONCE(tail.release, true);
	thread_join(t);
	EXPECT(jumps(p));
	EXPECT_EQ(run_code(jt_tail), 3);
	probe_off(p);
}

KTEST(kprobe_jump, a_thread_preempted_in_the_five_bytes_is_waited_for)
{
	struct kprobe first = { .addr = (u64)jt_tail, .post = interrupt_behind, .technique = KPROBE_STEP };
	static struct kprobe p;
	u32 cpu = this_cpu(cpu_number);
	struct thread *taker, *sleeper;

	if (crowd_cpus() == 1)
		return; /* nobody could look on */
	kprobe_settle();
	thread_set_affinity(1u << cpu);
	tail.cpu = crowd_next_cpu(cpu);
	tail.go = tail.there = tail.release = false;
	wait_queue_init(&tail.queue, "taking a CPU");
	if (!probe_on(&first))
		return;
	taker = thread_create("taker", take_cpu, NULL, PRIORITY_HIGH, 1u << tail.cpu);
	sleeper = thread_create("sleeper", run_into_tail, NULL, PRIORITY_DEFAULT, 1u << tail.cpu);
	while (!READ_ONCE(tail.there))
		thread_yield();
	probe_off(&first);
	jump_over_sleeper(&p);
	WRITE_ONCE(tail.release, true);
	thread_join(taker);
	EXPECT_EQ(thread_join(sleeper), 3);
	thread_set_affinity(CPU_MASK_ALL);
}

/* Preempted in the detour and in the copies, by a timer's turn; nobody is lost when all goes at once. */
static u64 jt_runs;
static bool jt_stop;
static int run_on(void *arg)
{
	u64 wrong = 0;

	while (!READ_ONCE(jt_stop)) {
		for (int i = 0; i < 50; i++)
			wrong += run_code(jt_row) != 26;
		__atomic_fetch_add(&jt_runs, 1, __ATOMIC_RELAXED);
		thread_yield();
	}
	return (int)wrong;
}

KTEST(kprobe_jump, jumps_come_and_go_under_threads)
{
	struct thread *t[3];
	static struct kprobe p, within;

	jt_stop = false;
	hits = 0;
	for (int i = 0; i < 3; i++)
		t[i] = thread_create("runner", run_on, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	for (unsigned i = 0; i < stressed_each(24); i++) {
		u64 at = (u64)jt_row + 6u * (i % ROW_PROBES);

		p = (struct kprobe){ .addr = at, .pre = count_hit };
		within = (struct kprobe){ .addr = at + 3, .pre = count_hit };
		if (!probe_on(&p))
			break;
		EXPECT(jumps(&p));
		thread_yield();
		if (i & 1 && probe_on(&within))
			probe_off(&within);
		probe_off(&p);
	}
	WRITE_ONCE(jt_stop, true);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(thread_join(t[i]), 0);
	EXPECT(hits > 0);
}
