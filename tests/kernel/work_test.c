/* Deferred work: scheduled from every context, run once each by a thread that may sleep; flushed and cancelled. */
#include "sched/work.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/probe.h"

#define VECTOR_TEST 0xe2
#define MAX_RUNS    8

static struct {
	volatile unsigned runs;
	unsigned misplaced;
	struct work *order[MAX_RUNS];
} seen;

static void note(struct work *w)
{
	if (seen.runs < MAX_RUNS)
		seen.order[seen.runs] = w;
	seen.misplaced +=
		!in_task() || !irqs_enabled() || preempt_depth() || strcmp(current()->comm, "kworker") != 0;
	seen.runs++;
}

static void start(void) { memset(&seen, 0, sizeof(seen)); }

static void expect_runs(unsigned n)
{
	EXPECT_EQ(seen.runs, n);
	EXPECT_EQ(seen.misplaced, 0);
}

static WORK(a, note);
static WORK(b, note);

/* Keeps the thread busy until it is let go, so that what is scheduled meanwhile stays pending. */
static volatile bool held;
static void hold(struct work *w)
{
	while (held)
		sleep_ns(10000);
}
static WORK(holder, hold);

static void hold_worker(void)
{
	held = true;
	EXPECT(schedule_work(&holder));
}
static void release_worker(void)
{
	held = false;
	flush_work(&holder);
}

KTEST(work, runs_once_in_a_thread_in_order)
{
	start();
	hold_worker();
	EXPECT(schedule_work(&b));
	EXPECT(schedule_work(&a));
	EXPECT(!schedule_work(&b));
	EXPECT_EQ(seen.runs, 0);
	release_worker();
	flush_work(&a);
	expect_runs(2);
	EXPECT_EQ(seen.order[0], &b);
	EXPECT_EQ(seen.order[1], &a);
	EXPECT(!flush_work(&a)); /* nothing to wait for */
	EXPECT(schedule_work(&b));
	EXPECT(flush_work(&b) || seen.runs == 3);
	expect_runs(3);
}

static void sleep_and_allocate(struct work *w)
{
	void *p;

	sleep_ns(1000);
	p = kmalloc(100);
	seen.misplaced += !p;
	kfree(p);
	note(w);
}

KTEST(work, may_sleep_and_allocate)
{
	static WORK(sleeper, sleep_and_allocate);

	start();
	EXPECT(schedule_work(&sleeper));
	EXPECT(flush_work(&sleeper) || seen.runs == 1);
	expect_runs(1);
}

static unsigned scheduled;

static void schedule_both(void) { scheduled += schedule_work(&a) + schedule_work(&b) + schedule_work(&a); }
static void schedule_in_trap(struct kprobe *p, struct pt_regs *regs) { schedule_both(); }
static noinline void target(void) { __asm__ volatile("" ::: "memory"); }
static void nmi_to_self(void) { nmi_send(this_cpu(cpu_number)); }

static void schedule_from(void (*way)(void))
{
	start();
	scheduled = 0;
	hold_worker();
	way();
	EXPECT_EQ(scheduled, 2);
	release_worker();
	flush_work(&b);
	expect_runs(2);
	EXPECT_EQ(seen.order[0], &a);
}

static void by_interrupt(void)
{
	vector_set_handler(VECTOR_TEST, schedule_both);
	__asm__ volatile("int %0" : : "i"(VECTOR_TEST));
	vector_set_handler(VECTOR_TEST, NULL);
}

static void by_probe(u64 at, void (*hit)(void))
{
	struct kprobe p = { .addr = at, .pre = schedule_in_trap };

	if (!probe_on(&p))
		return;
	hit();
	probe_off(&p);
	EXPECT_EQ(p.hits, 1);
}
static void by_int3(void) { by_probe((u64)target, target); }
static void by_nmi(void) { by_probe((u64)nmi_arrived, nmi_to_self); }

KTEST(work, is_scheduled_by_an_interrupt)
{
	schedule_from(by_interrupt);
}
KTEST(work, is_scheduled_by_an_int3)
{
	schedule_from(by_int3);
}
KTEST(work, is_scheduled_by_an_nmi)
{
	schedule_from(by_nmi);
}

/* Nobody flushes here: the wake alone must do. */
KTEST(work, an_nmi_wakes_the_thread)
{
	start();
	by_nmi();
	for (int i = 0; i < 1000 && seen.runs < 2; i++)
		sleep_ns(100000);
	expect_runs(2);
}

static void note_and_schedule_again(struct work *w)
{
	note(w);
	if (seen.runs < 3)
		EXPECT(schedule_work(w));
}

static void free_itself(struct work *w)
{
	note(w);
	kfree(w);
}

KTEST(work, may_schedule_or_free_itself)
{
	static WORK(again, note_and_schedule_again);
	struct work *once = kmalloc(sizeof(*once));

	start();
	EXPECT(schedule_work(&again));
	while (flush_work(&again))
		;
	expect_runs(3);
	start();
	*once = (struct work)WORK_INIT(free_itself);
	EXPECT(schedule_work(once));
	flush_work(&holder); /* idle */
	EXPECT(schedule_work(&a));
	flush_work(&a);
	expect_runs(2);
}

KTEST(work, what_is_cancelled_does_not_run)
{
	start();
	EXPECT(!cancel_work(&a));
	EXPECT(!cancel_work_sync(&a));
	hold_worker();
	EXPECT(schedule_work(&a));
	EXPECT(schedule_work(&b));
	EXPECT(cancel_work(&a));
	EXPECT(!cancel_work(&a));
	EXPECT(cancel_work(&b));
	EXPECT(schedule_work(&b)); /* back to life, where it was */
	EXPECT(!schedule_work(&b));
	release_worker();
	flush_work(&b);
	expect_runs(1);
	EXPECT_EQ(seen.order[0], &b);
	EXPECT(!flush_work(&a));
}

/* It waits for what is running, not only for what is pending. */
static volatile bool slow_begun, slow_over;
static void slow(struct work *w)
{
	slow_begun = true;
	sleep_ns(2000000);
	note(w);
	slow_over = true;
}

KTEST(work, cancel_sync_waits_for_the_running)
{
	static WORK(w, slow);

	start();
	slow_begun = slow_over = false;
	EXPECT(schedule_work(&w));
	while (!slow_begun)
		sleep_ns(10000);
	EXPECT(!cancel_work_sync(&w));
	EXPECT(slow_over);
	expect_runs(1);
}

#define ROUNDS 200

static u64 accepted, run_count;
static void count(struct work *w) { run_count++; }
static WORK(shared, count);
static struct work own[NR_CPUS];

static void schedule_counted(struct work *w)
{
	if (schedule_work(w))
		__atomic_fetch_add(&accepted, 1, __ATOMIC_RELAXED);
}

static int schedule_many(void *cpu)
{
	struct work *mine = &own[(long)cpu];

	*mine = (struct work)WORK_INIT(count);
	for (int i = 0; i < ROUNDS; i++) {
		schedule_counted(mine);
		schedule_counted(&shared);
		if (i % 16 == 0)
			flush_work(&shared);
		cpu_relax();
	}
	flush_work(mine);
	return 0;
}

KTEST(work, all_cpus_schedule_at_once)
{
	struct thread *threads[NR_CPUS];

	accepted = run_count = 0;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		threads[cpu] = cpus_up & 1u << cpu ? thread_create("crowd", schedule_many, (void *)(long)cpu,
								   PRIORITY_DEFAULT, 1u << cpu)
						   : NULL;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (threads[cpu])
			thread_join(threads[cpu]);
	flush_work(&shared);
	EXPECT_EQ(run_count, accepted);
	EXPECT(accepted > 0);
}
