/* Control files as a user has them, with a frame buffer for what they say. */
#include "tests/kernel/events.h"

#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/timer.h"
#include "tracefs/tracefs.h"

#define TEXT_PAGES 256ul

static void path_of(char path[TRACEFS_PATH_MAX], const char *file)
{
	snprintf(path, TRACEFS_PATH_MAX, TRACEFS_MOUNT "/%s", file);
}

int events_write(const char *file, const char *text)
{
	char path[TRACEFS_PATH_MAX];

	path_of(path, file);
	return tracefs_write(path, text, strlen(text), true);
}

/* Taken for good at the first use: the trace of a whole test is long. */
const char *events_read(const char *file)
{
	static char *text;
	char path[TRACEFS_PATH_MAX];
	struct seq_buf out;

	if (!text) {
		u64 pa = frames_alloc(TEXT_PAGES);

		BUG_ON(!pa);
		text = phys_to_virt(pa);
	}
	path_of(path, file);
	seq_buf_init(&out, text, TEXT_PAGES * PAGE_SIZE);
	BUG_ON(tracefs_read(path, &out.seq) != 0);
	return text;
}

void events_clear(void) { BUG_ON(tracefs_write(TRACEFS_MOUNT "/trace", "", 0, false) != 0); }

void events_come_and_go(unsigned times, u64 (*a_while)(void))
{
	static const struct {
		const char *file, *text;
	} steps[] = {
		{ "current_tracer", "function_graph" }, { "current_tracer", "nop" },
		{ "events/sched/enable", "1" },		{ "events/enable", "0" },
		{ "events/exceptions/enable", "1" },	{ "events/enable", "0" },
	};

	/* What is on their ways: all there is would take long to switch. */
	EXPECT_EQ(events_write("set_ftrace_filter",
			       "schedule *ipc_* *notification_* signal_first user_fault fault_* wait_for"),
		  0);
	while (times--)
		for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
			EXPECT_EQ(events_write(steps[i].file, steps[i].text), 0);
			sleep_ns(a_while());
		}
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/set_ftrace_filter", "", 0, false), 0);
}

unsigned events_seen_in(const char *file, const char *fmt, ...)
{
	char line[256];
	const char *at = events_read(file);
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (; (at = strstr(at, line)); at++)
		n++;
	return n;
}
