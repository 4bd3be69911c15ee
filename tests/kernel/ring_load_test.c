/* The trace buffer: threads, interrupts, int3s and NMIs write at once on all CPUs, and what is read is what was written. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/nmi.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/guard.h"
#include "trace/internal.h"

#define TYPE	   99
#define EVENTS	   1500 /* a thread's */
#define TICK_NS	   50000
#define MAX_WORDS  24
#define SOME_PAGES 4

struct test_event {
	u32 context, number, words;
	u32 word[];
};

/* A CPU's, counted by its own contexts. */
static struct tally {
	u64 attempts, written, in[NR_GUARD_CONTEXTS];
} tallies[NR_CPUS];

static u32 mixed(u32 number, u32 i) { return number * 0x9e3779b1u ^ i * 0x85ebca6bu; }

/* One instruction each: an NMI may want to count, too. */
static u64 count(u64 *n)
{
	u64 old = 1;

	__asm__ volatile("xaddq %0, %1" : "+r"(old), "+m"(*n) : : "memory", "cc");
	return old;
}

/* Any context. */
static void write_event(void)
{
	struct tally *t = &tallies[this_cpu(cpu_number)];
	u32 context = guard_context(context_read()), number, words;
	struct test_event *e;

	number = (u32)count(&t->attempts);
	count(&t->in[context]);
	words = mixed(number, 77) % MAX_WORDS;
	e = ring_buffer_reserve(TYPE, sizeof(*e) + words * 4);
	if (!e)
		return;
	e->context = context;
	e->number = number;
	e->words = words;
	for (u32 i = 0; i < words; i++)
		e->word[i] = mixed(number, i);
	ring_buffer_commit(e);
	count(&t->written);
}

static void on_probe(struct kprobe *p, struct pt_regs *regs) { write_event(); }
static noinline void probed(void) { barrier(); }
static struct kprobe int3_probe = { .pre = on_probe, .technique = KPROBE_INT3 },
		     nmi_probe = { .pre = on_probe, .technique = KPROBE_INT3 };

static struct timer ticks[NR_CPUS];
static volatile bool ticking;

static void on_tick(struct timer *t)
{
	write_event();
	write_event();
	if (ticking)
		timer_set(t, trace_clock() + TICK_NS);
}

static int write_on(void *cpu)
{
	u32 me = (u32)(u64)cpu;

	timer_init(&ticks[me], on_tick);
	timer_set(&ticks[me], trace_clock() + TICK_NS);
	/* Until the timer's first tick at least. */
	for (u32 i = 0; i < stressed(EVENTS) || !READ_ONCE(tallies[me].in[GUARD_IRQ]); i++) {
		cpu_relax();
		preempt_disable(); /* the tally is this CPU's */
		write_event();
		preempt_enable();
		if (i % 8 == 0)
			probed();
		if (i % 16 == 0)
			nmi_send(me);
		if (i % 64 == 8)
			nmi_send(crowd_next_cpu(me));
		if (i % 16 == 8)
			thread_yield(); /* else the reader would see little of it */
	}
	ticking = false;
	timer_cancel(&ticks[me]);
	timer_cancel(&ticks[me]); /* a function that was running may have set it again */
	return 0;
}

/* What a reader has found. */
static struct found {
	u64 events, lost, bad, time;
	u32 next[NR_GUARD_CONTEXTS]; /* the least number that may come */
} found[NR_CPUS];

static bool is_whole(const struct test_event *e, u32 size)
{
	if (size < sizeof(*e) || size != sizeof(*e) + e->words * 4 || e->context >= NR_GUARD_CONTEXTS)
		return false;
	for (u32 i = 0; i < e->words; i++)
		if (e->word[i] != mixed(e->number, i))
			return false;
	return true;
}

static bool read_one(struct ring_merge *m)
{
	const struct test_event *t;
	struct ring_event e;
	struct found *f;
	bool whole;

	if (!ring_merge_next(m, &e))
		return false;
	t = (const struct test_event *)(e.entry + 1);
	f = &found[e.cpu];
	f->events++;
	f->lost += e.lost;
	whole = e.entry->type == TYPE && is_whole(t, e.size - (u32)sizeof(*e.entry));
	f->bad += !whole || e.time < f->time || t->number < f->next[t->context];
	f->time = e.time;
	if (whole)
		f->next[t->context] = t->number + 1;
	return true;
}

static bool begin(size_t pages, bool overwrite)
{
	memset(tallies, 0, sizeof(tallies));
	memset(found, 0, sizeof(found));
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, pages), 0);
	ring_buffer_set_overwrite(overwrite);
	ring_buffer_reset();
	ticking = true;
	int3_probe.technique = nmi_probe.technique = KPROBE_STEP;
	int3_probe.addr = (u64)probed;
	nmi_probe.addr = (u64)nmi_arrived;
	return probe_on(&int3_probe) && probe_on(&nmi_probe);
}

/* At rest. @exactly: nothing was attempted while recording was off. */
static void conserved(bool exactly)
{
	u64 in[NR_GUARD_CONTEXTS] = { 0 }, lost = 0, read = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct ring_cpu *r = ring_buffer_of(RINGS_LIVE, cpu);
		const struct tally *t = &tallies[cpu];
		struct ring_stats s;

		if (!r)
			continue;
		ring_stats(r, &s);
		EXPECT_EQ(s.entries, 0);
		EXPECT_EQ(s.bytes, 0);
		EXPECT_EQ(s.read, found[cpu].events);
		EXPECT_EQ(s.read + s.overrun, t->written);
		EXPECT_EQ(found[cpu].bad, 0);
		EXPECT_EQ(found[cpu].lost + r->overrun - r->overrun_seen, s.overrun);
		if (exactly)
			EXPECT_EQ(t->written + s.dropped + s.commit_overrun, t->attempts);
		for (int i = 0; i < NR_GUARD_CONTEXTS; i++)
			in[i] += t->in[i];
		read += s.read;
		lost += s.overrun;
	}
	for (int i = 0; i < NR_GUARD_CONTEXTS; i++)
		EXPECT(in[i] > 0);
	printk("ring: %lu by threads, %lu irqs, %lu int3s, %lu NMIs; %lu read, %lu lost\n", in[GUARD_TASK],
	       in[GUARD_IRQ], in[GUARD_TRAP], in[GUARD_NMI], read, lost);
}

static void end(void)
{
	probe_off(&int3_probe);
	probe_off(&nmi_probe);
	ring_buffer_set_overwrite(true);
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, 64), 0);
	ring_buffer_reset();
}

/* Reads while they write, then what is left. */
static void write_and_read(bool overwrite)
{
	static struct ring_merge m;

	if (!begin(SOME_PAGES, overwrite))
		return;
	EXPECT_EQ(ring_merge_begin(&m, RINGS_LIVE, RING_ALL_CPUS, RING_CONSUME), 0);
	crowd_start(write_on, 1);
	while (ticking) {
		if (!read_one(&m))
			thread_yield();
		cpu_relax();
	}
	crowd_join();
	while (read_one(&m))
		;
	ring_merge_end(&m);
	conserved(true);
	end();
}

KTEST(ring, all_contexts_write_and_the_oldest_are_overwritten)
{
	write_and_read(true);
}
KTEST(ring, all_contexts_write_and_a_full_ring_drops)
{
	write_and_read(false);
}

KTEST(ring, resized_while_all_write)
{
	static const u8 pages[] = { 2, 32, 3, 8, 8, 64, 5 };
	static struct ring_merge m;

	if (!begin(SOME_PAGES, true))
		return;
	crowd_start(write_on, 1);
	for (u32 i = 0; ticking; i++) {
		EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, pages[i % ARRAY_SIZE(pages)]), 0);
		thread_yield();
	}
	crowd_join();
	EXPECT_EQ(ring_merge_begin(&m, RINGS_LIVE, RING_ALL_CPUS, RING_CONSUME), 0);
	while (read_one(&m))
		;
	ring_merge_end(&m);
	conserved(false);
	end();
}

#define COPIES 20
static u32 copies;

static int write_until_copied(void *cpu)
{
	while (READ_ONCE(copies) < stressed(COPIES)) {
		for (int i = 0; i < 20; i++) {
			preempt_disable();
			write_event();
			preempt_enable();
		}
		probed();
		nmi_send((u32)(u64)cpu);
		thread_yield();
		cpu_relax();
	}
	return 0;
}

/* What a copy counts must be in it, whole and in order. */
static u64 check_copy(void)
{
	static struct ring_merge m;
	u64 entries, events = 0;

	memset(found, 0, sizeof(found));
	EXPECT_EQ(ring_merge_begin(&m, RINGS_LIVE, RING_ALL_CPUS, RING_COPY), 0);
	ring_merge_count(&m, &entries);
	while (read_one(&m))
		;
	ring_merge_end(&m);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		events += found[cpu].events;
		EXPECT_EQ(found[cpu].bad, 0);
	}
	EXPECT_EQ(events, entries);
	return events;
}

/* A copy is a ring at rest, whatever is written meanwhile. */
KTEST(ring, copied_while_all_write)
{
	u64 events = 0;

	if (!begin(SOME_PAGES, true))
		return;
	copies = 0;
	crowd_start(write_until_copied, 1);
	while (copies < stressed(COPIES)) {
		u64 n = check_copy();

		events += n;
		WRITE_ONCE(copies, copies + (n != 0));
		thread_yield();
	}
	crowd_join();
	printk("ring: %u copies with %lu events\n", copies, events);
	end();
}
