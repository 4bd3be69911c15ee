/* The rings of all CPUs: who writes where, and how one has nobody write for a while. */
#include "trace/internal.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "context/irq_work.h"
#include "context/trap.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "mm/frames.h"
#include "trace/options.h"

#define EARLY_PAGES   16
#define DEFAULT_PAGES 64
#define MIN_PAGES     2
#define CPUID_1_CX16  (1u << 13)

DEFINE_PER_CPU(struct ring_cpu *, live_ring);

struct ring_cpu ring_sets[2][NR_CPUS];
u32 ring_live_set;

static bool wanted = true; /* recording is on */
static u32 stopped;	   /* changes that are going on */
static u32 recorded_cpus = ~0u;

static struct ring_page early_pages[EARLY_PAGES] __aligned(RING_PAGE_SIZE);
static struct ring_slot early_slots[EARLY_PAGES];

static bool overwrite = true;

/* One word a ring, which writers read when they need a page: no need to stop them. */
static void overwrite_changed(void)
{
	for (u32 i = 0; i < 2 * NR_CPUS; i++)
		WRITE_ONCE(ring_sets[i / NR_CPUS][i % NR_CPUS].overwrite, overwrite);
}
TRACE_OPTION(overwrite, "overwrite", &overwrite, .changed = overwrite_changed);

struct ring_cpu *ring_buffer_of(enum ring_set set, u32 cpu)
{
	struct ring_cpu *r = &ring_sets[ring_live_set ^ set][cpu];

	return r->nr_slots ? r : NULL;
}

/*
 * notrace, as an event may switch recording off, or exchange the sets. Two may do that at once: each looks again whether
 * what it has told the CPUs is still so.
 */
notrace void ring_buffer_refresh(void)
{
	bool on;
	u32 set, cpus;

	do {
		set = READ_ONCE(ring_live_set);
		cpus = READ_ONCE(recorded_cpus);
		on = READ_ONCE(wanted) && !READ_ONCE(stopped);
		for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
			struct ring_cpu *r = &ring_sets[set][cpu];

			if (r->nr_slots)
				__atomic_store_n(per_cpu_ptr(live_ring, cpu),
						 on && cpus >> cpu & 1 ? r : NULL, __ATOMIC_SEQ_CST);
		}
	} while ((READ_ONCE(wanted) && !READ_ONCE(stopped)) != on || READ_ONCE(ring_live_set) != set ||
		 READ_ONCE(recorded_cpus) != cpus);
}

bool ring_waiting;

static void wake_readers(struct irq_work *w) { trace_wake_readers(); }

/* notrace: called for events. */
notrace void ring_wake(void)
{
	static IRQ_WORK(work, wake_readers);

	WRITE_ONCE(ring_waiting, false);
	irq_work_queue(&work);
}

notrace void tracing_on(void)
{
	WRITE_ONCE(wanted, true);
	ring_buffer_refresh();
}

notrace void tracing_off(void)
{
	WRITE_ONCE(wanted, false);
	ring_buffer_refresh();
	if (READ_ONCE(ring_waiting)) /* for events that won't come */
		ring_wake();
}

void ring_buffer_set_cpus(u32 cpus)
{
	WRITE_ONCE(recorded_cpus, cpus);
	ring_buffer_refresh();
}

u32 ring_buffer_cpus(void) { return recorded_cpus & cpus_up; }

bool tracing_is_on(void) { return READ_ONCE(wanted); }

void ring_buffer_stop(void)
{
	stopped++;
	ring_buffer_refresh();
	trace_synchronize();
}

void ring_buffer_start(void)
{
	stopped--;
	ring_buffer_refresh();
}

/* notrace, here and below: called for events; traced, each would only count a dropped one. */
notrace void *ring_buffer_reserve_for(u16 type, size_t size, bool irqs_on, u32 word)
{
	void *payload;

	if (size > RING_PAYLOAD_MAX)
		return NULL;
	preempt_disable();
	payload = ring_buffer_reserve_here(type, size, irqs_on ? X86_EFLAGS_IF : 0, word);
	if (!payload)
		preempt_enable();
	return payload;
}

notrace void *ring_buffer_reserve(u16 type, size_t size)
{
	return ring_buffer_reserve_for(type, size, irqs_enabled(), context_read());
}

notrace void ring_buffer_commit(void *payload)
{
	ring_buffer_commit_here(payload);
	preempt_enable();
}

notrace void ring_buffer_discard(void *payload, size_t size)
{
	struct trace_entry *e = (struct trace_entry *)payload - 1;

	ring_discard(((struct ring_page *)((u64)payload & ~0xffful))->slot->ring, e,
		     (u32)(sizeof(*e) + ALIGN_UP(size, 4ul)));
	preempt_enable();
}

/* For who throws writers away. */
static void count_nesting(u32 cpu)
{
	for (u32 set = 0; set < 2; set++)
		*per_cpu_ptr(ring_nests[set], cpu) = &ring_sets[set][cpu].nest;
}

void ring_buffer_early_init(void)
{
	for (u32 i = 0; i < EARLY_PAGES; i++)
		early_slots[i].page = &early_pages[i];
	ring_sets[0][0].overwrite = true;
	count_nesting(0);
	ring_init(&ring_sets[0][0], early_slots, EARLY_PAGES);
	ring_buffer_refresh();
}

static size_t pages_wanted = DEFAULT_PAGES;

static void want(u64 size)
{
	u64 pages = max(size / RING_PAGE_SIZE + (size % RING_PAGE_SIZE != 0), (u64)MIN_PAGES);

	if (!size)
		return;
	if (pages > frames_free_count() / 2)
		printk("trace: trace_buf_size=%lu ignored: there are %lu KiB in all\n", size,
		       frames_total() * RING_PAGE_SIZE / 1024);
	else
		pages_wanted = pages;
}

void ring_buffer_init(u64 size)
{
	u32 r[4];

	cpuid(1, 0, r);
	if (!(r[2] & CPUID_1_CX16))
		panic("boot: this CPU has no cmpxchg16b, which the trace buffer is made with");
	want(size);
	/* Nobody writes: there is only this CPU, and its NMIs find no ring. */
	stopped++;
	ring_buffer_refresh();
	if (ring_create(&ring_sets[0][0], pages_wanted) != 0)
		panic("boot: no memory for the trace buffer");
	ring_buffer_start();
}

void ring_buffer_init_others(void)
{
	for (u32 cpu = 1; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		ring_sets[0][cpu].overwrite = overwrite;
		count_nesting(cpu);
		if (ring_create(&ring_sets[0][cpu], pages_wanted) != 0)
			printk("trace: no memory for a buffer of CPU %u, which will not be recorded\n", cpu);
	}
	ring_buffer_refresh();
	ring_buffer_files_init();
}

void ring_buffer_reset_set(enum ring_set set, u32 cpu)
{
	ring_buffer_stop();
	for (u32 i = 0; i < NR_CPUS; i++)
		if (ring_cpu_chosen(i, cpu) && ring_buffer_of(set, i))
			ring_reset(ring_buffer_of(set, i));
	ring_buffer_start();
}

void ring_buffer_reset(void) { ring_buffer_reset_set(RINGS_LIVE, RING_ALL_CPUS); }

void ring_buffer_set_overwrite(bool on)
{
	overwrite = on;
	overwrite_changed();
}

bool ring_buffer_has_snapshot(void) { return ring_buffer_of(RINGS_SNAPSHOT, 0); }

void ring_buffer_snapshot_free(void)
{
	ring_buffer_stop();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (ring_buffer_of(RINGS_SNAPSHOT, cpu))
			ring_destroy(ring_buffer_of(RINGS_SNAPSHOT, cpu));
	ring_buffer_start();
}

/* Stopped, so that nobody exchanges the sets while one is half there. */
int ring_buffer_snapshot_alloc(void)
{
	int err = 0;

	if (ring_buffer_has_snapshot())
		return 0;
	ring_buffer_stop();
	for (u32 cpu = 0; cpu < NR_CPUS && !err; cpu++) {
		struct ring_cpu *live = ring_buffer_of(RINGS_LIVE, cpu);
		struct ring_cpu *other = &ring_sets[ring_live_set ^ RINGS_SNAPSHOT][cpu];

		if (!live || other->nr_slots)
			continue;
		other->overwrite = overwrite;
		err = ring_create(other, live->nr_slots);
	}
	if (err)
		ring_buffer_snapshot_free();
	ring_buffer_start();
	return err;
}

int ring_buffer_snapshot(void)
{
	int err = ring_buffer_snapshot_alloc();

	if (err)
		return err;
	ring_buffer_stop();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (ring_buffer_of(RINGS_SNAPSHOT, cpu))
			ring_reset(ring_buffer_of(RINGS_SNAPSHOT, cpu));
	ring_live_set ^= 1;
	ring_buffer_start();
	return 0;
}

/* notrace: by an event. Who stops the recording waits for us, if it wasn't before. */
notrace void ring_buffer_snapshot_now(void)
{
	if (READ_ONCE(stopped) || !ring_sets[READ_ONCE(ring_live_set) ^ RINGS_SNAPSHOT][0].nr_slots)
		return;
	__atomic_fetch_xor(&ring_live_set, 1, __ATOMIC_SEQ_CST);
	ring_buffer_refresh();
}

u64 ring_buffer_count(enum ring_set set, u32 cpu, u64 *entries)
{
	u64 written = 0;

	*entries = 0;
	for (u32 i = 0; i < NR_CPUS; i++) {
		struct ring_stats s;

		if (!ring_cpu_chosen(i, cpu) || !ring_buffer_of(set, i))
			continue;
		ring_stats(ring_buffer_of(set, i), &s);
		*entries += s.entries;
		written += s.entries + s.overrun + s.read;
	}
	return written;
}

u64 ring_buffer_written(void)
{
	u64 entries;

	return ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries);
}

u64 ring_buffer_entries(void)
{
	u64 entries;

	ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries);
	return entries;
}
