/* A line's parts, from records of which it is known what they must become. */
#include "lib/ktest.h"
#include "lib/string.h"
#include "lib/trace_printk.h"
#include "sched/thread.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"
#include "tracefs/tracefs.h"

static char text[4096];
static struct seq_buf out;

static void begin(void) { seq_buf_init(&out, text, sizeof(text)); }

KTEST(trace_output, flags_are_letters)
{
	static const struct {
		u8 flags, preempt_count;
		const char *letters;
	} cases[] = {
		{ 0, 0, "....." },
		{ TRACE_FLAG_IRQS_OFF, 0, "d...." },
		{ TRACE_FLAG_NEED_RESCHED, 0, ".N..." },
		{ TRACE_FLAG_IRQS_OFF | TRACE_FLAG_NEED_RESCHED, 2, "dN.2." },
		{ TRACE_FLAG_IRQS_OFF | TRACE_FLAG_HARDIRQ, 1, "d.h1." },
		{ TRACE_FLAG_IRQS_OFF | TRACE_FLAG_NMI, 0, "d.z.." },
		{ TRACE_FLAG_IRQS_OFF | TRACE_FLAG_NMI | TRACE_FLAG_HARDIRQ, 12, "d.Zc." },
		{ 0, 15, "...f." },
		{ 0, 200, "...f." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trace_entry e = { .flags = cases[i].flags, .preempt_count = cases[i].preempt_count };

		begin();
		trace_print_flags(&out.seq, &e);
		if (strcmp(text, cases[i].letters) != 0)
			ktest_fail(__FILE__, __LINE__, text, i, i);
	}
}

static bool contains(const char *what)
{
	for (const char *p = text; *p; p++)
		if (strncmp(p, what, strlen(what)) == 0)
			return true;
	return false;
}

static int say_and_end(void *arg)
{
	trace_puts("last words");
	return 0;
}

/* It has ended when its line is printed. */
static void ended_thread(const char *comm)
{
	struct thread *t;

	ring_buffer_reset();
	t = thread_create(comm, say_and_end, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	EXPECT(t);
	if (t)
		thread_join(t);
	begin();
	EXPECT_EQ(trace_print(&out.seq, RINGS_LIVE, RING_ALL_CPUS), 0);
}

KTEST(trace_output, a_thread_that_has_ended_keeps_its_name)
{
	ended_thread("shortlived");
	EXPECT(contains("      shortlived-"));
	EXPECT(contains(": say_and_end: last words\n"));
	begin();
	EXPECT_EQ(tracefs_read(TRACEFS_MOUNT "/saved_cmdlines", &out.seq), 0);
	EXPECT(contains(" shortlived\n"));
	EXPECT(contains("1 sh\n"));

	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/options/record-cmd", "0", 1, false), 0);
	ended_thread("unknown");
	EXPECT(!contains("unknown-"));
	EXPECT(contains("           <...>-"));
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/options/record-cmd", "1", 1, false), 0);
	ring_buffer_reset();
}

KTEST(trace_output, an_event_comes_with_its_stack_if_that_is_wanted)
{
	ring_buffer_reset();
	trace_puts("before");
	trace_stack_wanted = true;
	trace_puts("here");
	trace_stack_wanted = false;
	begin();
	EXPECT_EQ(trace_print(&out.seq, RINGS_LIVE, RING_ALL_CPUS), 0);
	EXPECT(contains(": <stack trace>\n"
			" => ktest_trace_output_an_event_comes_with_its_stack_if_that_is_wanted\n"
			" => "));
	EXPECT_EQ(ring_buffer_written(), 3);
	ring_buffer_reset();
}

/* Recording goes on while the trace is read, unless pause-on-trace is set; what is read is what was there. */
static struct counting {
	struct seq seq;
	u32 lines;
} counting;

static void say_for_each_line(struct seq *s, const char *line, size_t len)
{
	struct counting *c = container_of(s, struct counting, seq);

	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n') {
			c->lines++;
			trace_puts("read");
		}
}

static u32 lines_of_trace(void)
{
	counting = (struct counting){ .seq.write = say_for_each_line };
	EXPECT_EQ(trace_print(&counting.seq, RINGS_LIVE, RING_ALL_CPUS), 0);
	return counting.lines;
}

#define HEADER_LINES 12

KTEST(trace_output, reading_pauses_nothing_and_reads_what_was_there)
{
	u64 entries;

	ring_buffer_reset();
	for (int i = 0; i < 10; i++)
		trace_puts("event");
	EXPECT_EQ(lines_of_trace(), HEADER_LINES + 10);
	EXPECT_EQ(ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries), 10 + HEADER_LINES + 10);
	output_options.pause_on_trace = true;
	ring_buffer_reset();
	trace_puts("event");
	EXPECT_EQ(lines_of_trace(), HEADER_LINES + 1);
	EXPECT_EQ(ring_buffer_count(RINGS_LIVE, RING_ALL_CPUS, &entries), 1);
	EXPECT(tracing_is_on());
	output_options.pause_on_trace = false;
	ring_buffer_reset();
}
