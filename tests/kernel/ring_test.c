/* The trace buffer by one writer: its size, its snapshot, its CPUs, and what is taken back or thrown away. */
#include "abi/errno.h"
#include "lib/symtab.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"
#include "trace/internal.h"
#include "trace/ring_reader.h"

#define TYPE 99
#define MANY 6000
#define SIZE 40

static void write_event(void)
{
	void *data = ring_buffer_reserve(TYPE, SIZE);

	if (data) {
		memset(data, 1, SIZE);
		ring_buffer_commit(data);
	}
}

static u32 pages_of(u32 cpu) { return ring_buffer_of(RINGS_LIVE, cpu)->nr_slots; }

KTEST(ring, growing_keeps_all_and_shrinking_the_newest)
{
	u64 written = MANY, entries;

	ring_buffer_reset();
	preempt_disable();
	for (u32 i = 0; i < written; i++)
		write_event();
	preempt_enable();
	EXPECT_EQ(ring_buffer_written(), written);
	entries = ring_buffer_entries();
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, 100), 0);
	EXPECT_EQ(pages_of(0), 100);
	EXPECT_EQ(ring_buffer_entries(), entries);
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, 2), 0);
	EXPECT(ring_buffer_entries() < entries && ring_buffer_entries() > 10);
	EXPECT_EQ(ring_buffer_written(), written);
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, 64), 0);
	ring_buffer_reset();
}

KTEST(ring, without_memory_nothing_changes)
{
	size_t frames = frames_free_count();
	bool failed = true;

	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, frames), -ENOMEM);
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, ~0ul >> 12), -ENOMEM);
	for (u32 n = 1; failed; n++) {
		alloc_fail_nth(n);
		failed = ring_buffer_resize(RING_ALL_CPUS, 70) != 0;
		alloc_fail_nth(0);
		if (failed) {
			EXPECT_EQ(pages_of(0), 64);
			EXPECT_EQ(frames_free_count(), frames);
		}
	}
	EXPECT_EQ(ring_buffer_resize(RING_ALL_CPUS, 64), 0);
	EXPECT_EQ(frames_free_count(), frames);
}

KTEST(ring, a_snapshot_is_what_was_there)
{
	u64 entries, frames = frames_free_count();

	ring_buffer_reset();
	preempt_disable();
	for (int i = 0; i < 10; i++)
		write_event();
	preempt_enable();
	EXPECT(!ring_buffer_has_snapshot());
	EXPECT_EQ(ring_buffer_snapshot(), 0);
	EXPECT_EQ(ring_buffer_entries(), 0);
	write_event();
	ring_buffer_count(RINGS_SNAPSHOT, RING_ALL_CPUS, &entries);
	EXPECT_EQ(entries, 10);
	EXPECT_EQ(ring_buffer_entries(), 1);
	EXPECT_EQ(ring_buffer_snapshot(), 0);
	ring_buffer_count(RINGS_SNAPSHOT, RING_ALL_CPUS, &entries);
	EXPECT_EQ(entries, 1);
	EXPECT_EQ(ring_buffer_entries(), 0);
	ring_buffer_snapshot_free();
	EXPECT(!ring_buffer_has_snapshot());
	EXPECT(frames_free_count() + 5 >= frames); /* the pages of the image are in the set that went */
	ring_buffer_reset();
}

/* The sets are exchanged while one writes, and who comes in between writes to the other: nobody else makes that readable. */
KTEST(ring, an_event_within_another_rings_is_seen)
{
	void *outer, *inner;
	u64 entries;

	EXPECT_EQ(ring_buffer_snapshot_alloc(), 0);
	EXPECT_EQ(thread_set_affinity(1), 0);
	ring_buffer_reset();
	outer = ring_buffer_reserve(TYPE, 16);
	ring_buffer_snapshot_now();
	inner = ring_buffer_reserve(TYPE, 16);
	EXPECT(outer && inner);
	if (inner)
		ring_buffer_commit(inner);
	EXPECT_EQ(ring_buffer_entries(), 1);
	ring_buffer_count(RINGS_SNAPSHOT, RING_ALL_CPUS, &entries);
	EXPECT_EQ(entries, 0);
	if (outer)
		ring_buffer_commit(outer);
	EXPECT_EQ(ring_buffer_entries(), 1);
	ring_buffer_count(RINGS_SNAPSHOT, RING_ALL_CPUS, &entries);
	EXPECT_EQ(entries, 1);
	thread_set_affinity(CPU_MASK_ALL);
	ring_buffer_snapshot_free();
	ring_buffer_reset();
}

static u32 want_cpus;
static bool asked;
static void choose_cpus(struct kprobe *p, struct pt_regs *regs)
{
	if (asked)
		return;
	asked = true;
	ring_buffer_set_cpus(want_cpus);
}

/* An event switches recording on while, at each instruction of that in turn, somebody says that a CPU isn't recorded. */
KTEST(ring, a_cpu_that_is_taken_out_stays_out)
{
	const u8 *code = (const u8 *)ring_buffer_refresh;
	struct symbol sym;
	struct insn insn;
	unsigned stayed_in = 0, places = 0;

	EXPECT(symtab_find(&kernel_symtab, (u64)code, &sym));
	for (u64 off = 0; off < sym.size && insn_decode(&insn, code + off, INSN_MAX_LENGTH) == 0;
	     off += insn.length) {
		struct kprobe p = { .addr = (u64)code + off, .pre = choose_cpus };
		const char *why;

		want_cpus = cpus_up & ~1u;
		asked = true;
		ring_buffer_set_cpus(cpus_up);
		if (kprobe_register(&p, &why) != 0)
			continue;
		if (kprobe_arm(&p) == 0) {
			asked = false;
			tracing_on();
			places += asked;
			asked = true;
		}
		kprobe_unregister(&p);
		stayed_in += ring_buffer_cpus() == want_cpus && *per_cpu_ptr(live_ring, 0);
	}
	ring_buffer_set_cpus(cpus_up);
	EXPECT(places > 10);
	EXPECT_EQ(stayed_in, 0);
}

KTEST(ring, long_events_and_those_taken_back)
{
	u8 *data;

	ring_buffer_reset();
	data = ring_buffer_reserve(TYPE, RING_PAYLOAD_MAX);
	EXPECT(data);
	if (data) {
		memset(data, 1, RING_PAYLOAD_MAX);
		ring_buffer_commit(data);
	}
	EXPECT(!ring_buffer_reserve(TYPE, RING_PAYLOAD_MAX + 1));
	data = ring_buffer_reserve(TYPE, 100);
	EXPECT(data);
	if (data)
		ring_buffer_discard(data, 100);
	EXPECT_EQ(ring_buffer_written(), 1);
	EXPECT_EQ(ring_buffer_of(RINGS_LIVE, 0)->nest, 0);
	ring_buffer_reset();
}

/* Bits 3 and 5 of the flags are always 0; what was compared last must not show in them, nor in TF or IF. */
KTEST(ring, the_exchange_leaves_true_flags)
{
	static __aligned(16) struct ring_head head;
	u64 old = 0, time = 0, flags, junk = 0x28;

	__asm__ volatile("pushfq\n\tpopfq\n\tcmpq %[junk], %[flags]\n\t" RING_CMPXCHG16B
			 "%[head]\n\tpushfq\n\tpopq %[flags]"
			 : [flags] "=&r"(flags), [head] "+m"(head), "+a"(old), "+d"(time)
			 : [junk] "r"(junk), "b"(0ul), "c"(0ul)
			 : "memory", "cc");
	EXPECT_EQ(flags & junk, 0);
}

/* bust_kprobes() throws a writer away in the middle, and puts the nesting back. */
KTEST(ring, goes_on_after_a_writer_was_thrown_away)
{
	bool began;

	EXPECT_EQ(thread_set_affinity(1), 0);
	ring_buffer_reset();
	began = ring_buffer_reserve(TYPE, 16) != NULL;
	EXPECT(began);
	*this_cpu(ring_nests[0]) = *this_cpu(ring_nests[1]) = 0;
	if (began)
		preempt_enable();
	write_event();
	EXPECT_EQ(ring_buffer_entries(), 2);
	thread_set_affinity(CPU_MASK_ALL);
	ring_buffer_reset();
}

/* As Linux's readers of raw pages have it: each page's time, its length, and what was lost before it. */
KTEST(ring, pages_are_taken_whole)
{
	static __aligned(RING_PAGE_SIZE) struct ring_page copy;
	struct ring_stats before, after;
	struct ring_reader rd;
	u64 last = 0, size;

	EXPECT_EQ(thread_set_affinity(1), 0);
	ring_buffer_reset();
	for (u32 i = 0; i < MANY; i++)
		write_event();
	ring_stats(ring_buffer_of(RINGS_LIVE, 0), &before);
	EXPECT(before.overrun && before.entries);
	ring_reader_begin(&rd, ring_buffer_of(RINGS_LIVE, 0), &copy, true);
	for (u32 pages = 0; ring_reader_take_page(&rd); pages++) {
		size = copy.commit & ~(RING_MISSED_EVENTS | RING_MISSED_STORED);
		EXPECT(size && size <= RING_DATA);
		EXPECT_EQ(!(copy.commit & RING_MISSED_EVENTS), pages != 0);
		if (copy.commit & RING_MISSED_STORED)
			EXPECT_EQ(memcmp(copy.data + size, &before.overrun, sizeof(before.overrun)), 0);
		EXPECT(copy.time > last);
		last = copy.time;
	}
	ring_stats(ring_buffer_of(RINGS_LIVE, 0), &after);
	EXPECT_EQ(after.entries, 0);
	EXPECT_EQ(after.read, before.entries);
	thread_set_affinity(CPU_MASK_ALL);
	ring_buffer_reset();
}
