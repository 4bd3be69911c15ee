/* trace_printk(): what comes out is what printf would have made of it, wherever it was said. */
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trace_printk.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"
#include "trace/ring_clock.h"

/* The body of the only line there is, without the name of the function. */
static const char *only_line(void)
{
	static char text[1024];
	static struct ring_merge m;
	struct ring_event e;
	struct seq_buf b;
	char *body;

	seq_buf_init(&b, text, sizeof(text));
	EXPECT_EQ(ring_merge_begin(&m, RINGS_LIVE, RING_ALL_CPUS, RING_CONSUME), 0);
	EXPECT(trace_print_next(&b.seq, &m));
	EXPECT(!ring_merge_next(&m, &e));
	ring_merge_end(&m);
	body = strchr(text, ':');
	body = body ? strchr(body + 1, ':') : NULL;
	return body ? body + 2 : "";
}

static void is_said(const char *file, int line, const char *want)
{
	const char *got = only_line();

	if (strcmp(got, want) != 0)
		ktest_fail(file, line, got, strlen(got), strlen(want));
}

#define EXPECT_SAID(fmt, ...)                                            \
	do {                                                             \
		char _want[512];                                         \
                                                                         \
		snprintf(_want, sizeof(_want), fmt "\n", ##__VA_ARGS__); \
		trace_printk(fmt, ##__VA_ARGS__);                        \
		is_said(__FILE__, __LINE__, _want);                      \
	} while (0)

KTEST(trace_printk, says_what_printf_says)
{
	char text[16] = "array";
	const char *volatile none = NULL;
	int less = -1; /* cppcheck can't read a _Generic of a minus */
	long much_less = -1;
	s8 tiny = -3;

	ring_buffer_reset();
	EXPECT_SAID("nothing to convert, 100%%");
	EXPECT_SAID("%d %i %u %x %c", less, 2, 3u, 0xfffffffeu, 'c');
	EXPECT_SAID("%ld %lu %llx %zu %p", much_less, 1ul << 40, 0x123456789abcdef0ull, sizeof(int),
		    (void *)0x1234);
	EXPECT_SAID("%s and %s, %.3s, %10s|%-6s|", "one", text, "abcdef", "right", "left");
	EXPECT_SAID("%*d %-*d| %.*s", 8, 1, 4, 2, 2, "xyz");
	EXPECT_SAID("%hhd %hu %d", tiny, (u16)65535, true);
	EXPECT_SAID("%s", none);
	EXPECT_SAID("%s%d%s%ld", "a", 1, "", 2l);
	EXPECT_SAID("%d %d %d %d %d %d %ld %s", 1, 2, 3, 4, 5, 6, 7l, "eight");
	EXPECT_SAID("%pS", (void *)(u64)trace_printk_at);
	/* The newline is the line's own. */
	trace_printk("line\n");
	is_said(__FILE__, __LINE__, "line\n");
	trace_puts("100% text\n");
	is_said(__FILE__, __LINE__, "100% text\n");
}

/* What doesn't fit is cut, and numbers behind it are still right. */
KTEST(trace_printk, long_texts_are_cut)
{
	static char text[4096];
	const char *got;

	memset(text, 'x', sizeof(text) - 1);
	ring_buffer_reset();
	trace_printk("%s %d %s", text, 42, text);
	got = only_line();
	EXPECT(strlen(got) < 300);
	EXPECT(strchr(got, ' ') && strncmp(strchr(got, ' '), " 42 x", 5) == 0);
}

KTEST(trace_printk, says_nothing_while_recording_is_off)
{
	ring_buffer_reset();
	tracing_off();
	trace_printk("%d", 1);
	tracing_on();
	EXPECT_EQ(ring_buffer_written(), 0);
}

static u64 times[3];

static bool times_of_three(void)
{
	static struct ring_merge m;
	struct ring_event e;
	u32 n = 0;

	trace_puts("a");
	trace_puts("b");
	trace_puts("c");
	EXPECT_EQ(ring_merge_begin(&m, RINGS_LIVE, RING_ALL_CPUS, RING_CONSUME), 0);
	while (ring_merge_next(&m, &e) && n < 3)
		times[n++] = e.time;
	ring_merge_end(&m);
	return n == 3;
}

/* On one CPU: each clock goes forward, a counter by one, and what it says is what is read now. */
KTEST(trace_clock, each_goes_forward)
{
	for (size_t i = 0; i < ARRAY_SIZE(ring_clocks); i++) {
		ring_clock_use(&ring_clocks[i]);
		ring_buffer_reset();
		EXPECT(times_of_three());
		EXPECT(times[0] <= times[1] && times[1] <= times[2]);
		if (!strcmp(ring_clocks[i].name, "counter"))
			EXPECT(times[1] == times[0] + 1 && times[2] == times[1] + 1);
		EXPECT(ring_clock() >= times[2]);
	}
	ring_clock_use(&ring_clocks[0]);
	ring_buffer_reset();
}
