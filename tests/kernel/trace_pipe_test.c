/* trace_pipe: a reader that waits is woken by whatever is recorded, from any context, and gets each event once. */
#include "kernel/nmi.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trace_printk.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

#define TEXT_MAX 4000

static struct reader {
	struct seq seq;
	char text[TEXT_MAX + 1];
	size_t len;
	u32 lines;
	bool hangs_up; /* as soon as a line has begun */
} reader;

static void collect(struct seq *s, const char *text, size_t len)
{
	struct reader *r = container_of(s, struct reader, seq);

	for (size_t i = 0; i < len; i++) {
		if (r->len < TEXT_MAX)
			r->text[r->len++] = text[i];
		if (text[i] == '\n')
			__atomic_fetch_add(&r->lines, 1, __ATOMIC_SEQ_CST);
	}
	if (r->hangs_up)
		tracefs_interrupt(s);
}

static int read_pipe(void *path) { return tracefs_read(path, &reader.seq); }

static struct thread *start_reader(const char *path)
{
	struct thread *t;

	memset(&reader, 0, sizeof(reader));
	reader.seq.write = collect;
	tracing_on();
	ring_buffer_reset();
	t = thread_create("pipe", read_pipe, (void *)path, PRIORITY_DEFAULT, CPU_MASK_ALL);
	EXPECT(t);
	return t;
}

/* Until he waits; that is, sees that there is nothing. */
static void until_waiting(struct thread *t)
{
	while (READ_ONCE(t->state) != THREAD_BLOCKED || !READ_ONCE(ring_waiting))
		thread_yield();
}

static void until_lines(u32 n)
{
	while (__atomic_load_n(&reader.lines, __ATOMIC_SEQ_CST) < n)
		thread_yield();
}

static void end_reader(struct thread *t)
{
	tracefs_interrupt(&reader.seq);
	EXPECT_EQ(thread_join(t), 0);
	ring_buffer_reset();
}

static bool has_read(const char *what)
{
	bool found = false;

	reader.text[reader.len] = 0;
	for (size_t i = 0; i + strlen(what) <= reader.len && !found; i++)
		found = strncmp(reader.text + i, what, strlen(what)) == 0;
	return found;
}

static void say_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	trace_printk("here, depth %u\n", nmi_depth());
}
static struct kprobe nmi_probe = { .pre = say_in_nmi, .technique = KPROBE_STEP };

static struct timer tick;
static void say_in_irq(struct timer *t) { trace_puts("tick"); }

/* One event at a time, each finds a reader that sleeps. */
KTEST(trace_pipe, a_reader_is_woken_by_a_thread_an_interrupt_and_an_nmi)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/trace_pipe");

	until_waiting(t);
	trace_printk("number %d\n", 7);
	until_lines(1);
	EXPECT(has_read(
		"ktest_trace_pipe_a_reader_is_woken_by_a_thread_an_interrupt_and_an_nmi: number 7\n"));

	until_waiting(t);
	timer_init(&tick, say_in_irq);
	timer_set(&tick, trace_clock());
	until_lines(2);
	EXPECT(has_read(": say_in_irq: tick\n"));

	until_waiting(t);
	nmi_probe.addr = (u64)nmi_arrived;
	if (probe_on(&nmi_probe)) {
		until_waiting(t);
		nmi_send(this_cpu(cpu_number));
		until_lines(3);
		EXPECT(has_read(": say_in_nmi: here, depth 2\n"));
		probe_off(&nmi_probe);
	}
	end_reader(t);
}

/* Whether he has just looked or is about to sleep: none of the wakes may be lost. */
KTEST(trace_pipe, no_wake_is_lost)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/trace_pipe");

	for (u32 i = 0; i < stressed(200); i++) {
		u32 lines = i;

		trace_printk("event %u\n", i);
		until_lines(lines + 1);
	}
	end_reader(t);
}

KTEST(trace_pipe, of_one_cpu_has_that_cpus_events)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/per_cpu/cpu0/trace_pipe");
	u32 other = crowd_next_cpu(0);

	if (other) {
		EXPECT_EQ(thread_set_affinity(1u << other), 0);
		trace_puts("from the other");
	}
	EXPECT_EQ(thread_set_affinity(1), 0);
	trace_puts("from the first");
	until_lines(1);
	EXPECT(has_read("from the first"));
	end_reader(t);
	EXPECT_EQ(reader.lines, 1);
	thread_set_affinity(CPU_MASK_ALL);
}

/* Linux's rule: whoever has read something is at the end when recording is off, and who sleeps is told. */
KTEST(trace_pipe, ends_where_recording_is_off_and_something_was_read)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/trace_pipe");

	trace_puts("something");
	until_lines(1);
	until_waiting(t);
	tracing_off();
	EXPECT_EQ(thread_join(t), 0);
	tracing_on();
	ring_buffer_reset();
}

KTEST(trace_pipe, an_interrupted_reader_ends_and_reads_no_more)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/trace_pipe");
	u64 entries;

	until_waiting(t);
	tracefs_interrupt(&reader.seq);
	EXPECT_EQ(thread_join(t), 0);
	trace_puts("for the next one");
	EXPECT_EQ(ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries), 1);
	EXPECT_EQ(entries, 1);
	EXPECT_EQ(reader.lines, 0);
	ring_buffer_reset();
}

/* An event that is read is read by nobody else, so its line isn't cut. */
KTEST(trace_pipe, one_interrupted_in_a_line_prints_it_to_its_end)
{
	struct thread *t = start_reader(TRACEFS_MOUNT "/trace_pipe");
	u64 entries;

	until_waiting(t);
	reader.hangs_up = true;
	trace_puts("all of it");
	EXPECT_EQ(thread_join(t), 0);
	EXPECT_EQ(reader.lines, 1);
	EXPECT(has_read(": all of it\n"));
	trace_puts("for the next one");
	EXPECT_EQ(ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries), 2);
	EXPECT_EQ(entries, 1);
	ring_buffer_reset();
}
