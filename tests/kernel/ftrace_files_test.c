/* The function tracer's control files: a write is taken whole or refused whole, and what is set is what happens. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/internal.h"
#include "lib/bug.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/trace_read.h"
#include "trace/event.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

static noinline void filed_one(void) { barrier(); }
static noinline void filed_two(void) { barrier(); }

static void path_of(const char *file, char path[TRACEFS_PATH_MAX])
{
	strscpy(path, TRACEFS_MOUNT "/", TRACEFS_PATH_MAX);
	strscpy(path + strlen(path), file, TRACEFS_PATH_MAX - strlen(path));
}

static int put_bytes(const char *file, const char *text, size_t len, bool append)
{
	char path[TRACEFS_PATH_MAX];

	path_of(file, path);
	return tracefs_write(path, text, len, append);
}
static int put(const char *file, const char *text, bool append)
{
	return put_bytes(file, text, strlen(text), append);
}

/* Three texts, in frames that are taken for good at the first use: the image has little room. */
#define TEXT_SIZE 8192 /* a profile has each function that was called */
static char *text_room(int n)
{
	static char *texts;

	if (!texts) {
		u64 pa = frames_alloc(3 * TEXT_SIZE / PAGE_SIZE);

		BUG_ON(!pa);
		texts = phys_to_virt(pa);
	}
	return texts + n * TEXT_SIZE;
}

/* What @file says now. */
static const char *get(const char *file)
{
	char *buf = text_room(0);
	char path[TRACEFS_PATH_MAX];
	struct seq_buf b;

	path_of(file, path);
	seq_buf_init(&b, buf, TEXT_SIZE);
	EXPECT_EQ(tracefs_read(path, &b.seq), 0);
	return buf;
}

static bool says(const char *file, const char *text)
{
	const char *got = get(file);

	if (strcmp(got, text) == 0)
		return true;
	ktest_fail(file, 0, got, strlen(got), strlen(text));
	return false;
}

static char longest[4097]; /* one word of 4 KiB, or many */

struct refusal {
	const char *text;
	size_t len; /* 0: its own */
	const char *why;
};

static void refuses(const char *file, const struct refusal *r, bool logged)
{
	char *before = text_room(1), *enabled = text_room(2);

	for (int append = 0; append < 2; append++) {
		int err;

		strscpy(before, get(file), TEXT_SIZE);
		strscpy(enabled, get("enabled_functions"), TEXT_SIZE);
		EXPECT_EQ(put("error_log", "", false), 0);
		err = put_bytes(file, r->text, r->len ? r->len : strlen(r->text), append);
		if (err != -EINVAL)
			ktest_fail(file, append, r->text, (u64)(s64)err, (u64)-EINVAL);
		EXPECT(says(file, before));
		EXPECT(says("enabled_functions", enabled));
		if (logged && !strstr(get("error_log"), r->why))
			ktest_fail(file, append, r->why, 0, 1);
	}
}

#define NO_MATCH "ftrace: error: No function matches\n"
#define TOO_LONG "ftrace: error: Name too long\n"
#define NOT_TID	 "ftrace: error: Not a thread's number\n"
#define BAD_NUL	 "ftrace: error: A NUL is no part of a name\n"

KTEST(ftrace_files, a_refused_filter_changes_nothing_and_says_why)
{
	static const struct refusal both[] = {
		{ "no_such_function", 0, NO_MATCH },
		{ "filed_two no_such_function", 0, NO_MATCH },
		{ "filed_two\n!no_such_function\n", 0, "Command: !no_such_function\n" },
		{ "filed_one\nfiled_two no_such_function\nfiled_one", 0,
		  "  Command: filed_two no_such_function\n                     ^\n" },
		{ "filed_t*_x", 0, NO_MATCH },
		{ "!", 0, NO_MATCH },
		{ "filed_two\0", 10, BAD_NUL },
		{ "filed_two \0filed_one", 20, BAD_NUL },
		{ "filed_tw\xf0\x28\x8c\xbc", 0, "Command: filed_tw?(??\n" },
		{ longest, 4096, TOO_LONG },
	};
	static const struct refusal commands[] = {
		{ "filed_two filed_two:", 0, "ftrace: error: No such command\n" },
		{ "filed_two:dance", 0, "ftrace: error: No such command\n" },
		{ "filed_two:traceoff filed_one:dance", 0, "ftrace: error: No such command\n" },
		{ "filed_two:traceoff:x", 0, "ftrace: error: Not a count\n" },
		{ "filed_two:traceoff:-1", 0, "ftrace: error: Not a count\n" },
		{ "filed_two:traceoff:", 0, "ftrace: error: Not a count\n" },
		{ "filed_two:traceoff:1:2", 0, "ftrace: error: Not a count\n" },
		{ "filed_two:traceoff:4294967295", 0, "ftrace: error: Not a count\n" },
		{ "filed_two:stacktrace no_such:traceoff", 0, NO_MATCH },
		{ ":traceoff", 0, NO_MATCH },
		{ "!filed_two:traceon", 0, "ftrace: error: No such command at these functions\n" },
		{ "!filed_two:traceoff:1", 0, "ftrace: error: No such command at these functions\n" },
	};

	memset(longest, 'x', sizeof(longest) - 1);
	EXPECT_EQ(put("set_ftrace_filter", "filed_one filed_two:traceoff", false), 0);
	EXPECT_EQ(put("set_ftrace_notrace", "filed_two", false), 0);
	EXPECT_EQ(put("current_tracer", "function", false), 0);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		refuses("set_ftrace_filter", &both[i], true);
		refuses("set_ftrace_notrace", &both[i], true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		refuses("set_ftrace_filter", &commands[i], true);
	refuses("set_ftrace_notrace",
		&(struct refusal){ "filed_one:traceoff", 0, "ftrace: error: No commands in this file\n" },
		true);
	EXPECT_EQ(put("current_tracer", "nop", false), 0);
	EXPECT_EQ(put("set_ftrace_filter", "!filed_two:traceoff", false), 0);
	EXPECT_EQ(put("set_ftrace_notrace", "", false), 0);
	EXPECT(says("set_ftrace_filter", "#### all functions enabled ####\n"));
	EXPECT(says("set_ftrace_notrace", "#### no functions disabled ####\n"));
}

KTEST(ftrace_files, the_other_files_refuse_the_same_way)
{
	static const struct refusal numbers[] = {
		{ "x", 1, NOT_TID },   { "-1", 2, NOT_TID },   { "1 x", 3, NOT_TID },
		{ "1\0", 2, NOT_TID }, { "\xff", 1, NOT_TID }, { longest, 4096, NOT_TID },
	};
	static const char *const more[] = { "", "1 2", "function nop" };

	memset(longest, '7', sizeof(longest) - 1);
	EXPECT_EQ(put("set_ftrace_pid", "1 2", false), 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		refuses("set_ftrace_pid", &numbers[i], true);
		refuses("function_profile_enabled", &numbers[i], false);
		refuses("options/func_stack_trace", &numbers[i], false);
		refuses("current_tracer", &numbers[i], false);
	}
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		const struct refusal r = { more[i], 0, NULL };

		refuses("function_profile_enabled", &r, false);
		refuses("options/func_stack_trace", &r, false);
		refuses("current_tracer", &r, false);
	}
	EXPECT(says("set_ftrace_pid", "1\n2\n"));
	EXPECT_EQ(put("set_ftrace_pid", "", false), 0);
	EXPECT(says("set_ftrace_pid", "no pid\n"));
}

/* How many entries of @type the ring has. */
static u64 recorded(enum trace_type type)
{
	struct ring_entry e;
	u64 n = 0;

	for (u64 i = 0; i < ring_buffer_entries(); i++)
		n += ring_buffer_read(i, &e) && e.type == type;
	return n;
}

/* The newest stack trace's @i-th address; 0: none. */
static u64 caller(size_t i)
{
	u64 addr = 0;
	struct ring_entry e;

	for (u64 n = 0; n < ring_buffer_entries(); n++)
		if (ring_buffer_read(n, &e) && e.type == TRACE_STACK)
			memcpy(&addr, e.payload + (i + 1) * sizeof(addr), sizeof(addr));
	return addr;
}

static noinline void call_both(unsigned n)
{
	while (n--) {
		filed_one();
		filed_two();
	}
}

KTEST(ftrace_files, only_the_threads_listed)
{
	char me[16];

	snprintf(me, sizeof(me), "%d", current()->tid);
	EXPECT_EQ(put("set_ftrace_filter", "filed_*", false), 0);
	EXPECT_EQ(put("set_ftrace_pid", "99999", false), 0);
	EXPECT_EQ(put("current_tracer", "function", false), 0);
	ring_buffer_reset();
	call_both(3);
	EXPECT_EQ(recorded(TRACE_FN), 0);
	EXPECT_EQ(put("set_ftrace_pid", me, true), 0);
	call_both(3);
	EXPECT_EQ(recorded(TRACE_FN), 6);
	EXPECT_EQ(put("set_ftrace_pid", "", false), 0);
	call_both(1);
	EXPECT_EQ(recorded(TRACE_FN), 8);
	EXPECT_EQ(put("current_tracer", "nop", false), 0);
	EXPECT_EQ(put("set_ftrace_filter", "", false), 0);
}

KTEST(ftrace_files, commands_count_and_switch_tracing)
{
	size_t free = trampolines_free();

	EXPECT_EQ(put("set_ftrace_filter", "filed_one:traceoff:2 filed_two:traceon filed_two:stacktrace:3",
		      false),
		  0);
	EXPECT_EQ(trampolines_free(), free - 3);
	ring_buffer_reset();
	filed_one();
	EXPECT(!tracing_is_on());
	filed_one(); /* off already: doesn't count */
	EXPECT(says("set_ftrace_filter", "#### all functions enabled ####\nfiled_one:traceoff:count=1\n"
					 "filed_two:traceon:unlimited\nfiled_two:stacktrace:count=3\n"));
	filed_two();
	EXPECT(tracing_is_on());
	call_both(3);
	EXPECT(tracing_is_on());
	EXPECT_EQ(recorded(TRACE_STACK), 3);
	EXPECT_EQ(caller(0), (u64)filed_two + SITE_SIZE);
	EXPECT(caller(1) - (u64)call_both < 128);
	EXPECT(says("set_ftrace_filter", "#### all functions enabled ####\nfiled_one:traceoff:count=0\n"
					 "filed_two:traceon:unlimited\nfiled_two:stacktrace:count=0\n"));
	EXPECT_EQ(put("set_ftrace_filter", "!*:traceoff:0 !*:traceon !filed_*:stacktrace:0", true), 0);
	EXPECT(says("set_ftrace_filter", "#### all functions enabled ####\n"));
	EXPECT_EQ(trampolines_free(), free);
	tracing_on(); /* filed_two() didn't, if its entry has a probe */
}

KTEST(ftrace_files, the_profile_counts_each_call)
{
	EXPECT_EQ(thread_set_affinity(1), 0);
	EXPECT_EQ(put("function_profile_enabled", "1", false), 0);
	for (int i = 0; i < 700;
	     i++) /* so often that it is shown before what interrupts call on a busy host */
		filed_one();
	for (int i = 0; i < 500; i++)
		filed_two();
	EXPECT_EQ(put("function_profile_enabled", "0", false), 0);
	filed_one();
	EXPECT(strstr(get("trace_stat/function0"), "\n  filed_one                              700    "));
	EXPECT(strstr(get("trace_stat/function0"), "\n  filed_two                              500    "));
	thread_set_affinity(CPU_MASK_ALL);
}

static volatile bool stop;

static int call_for_ever(void *cpu)
{
	while (!stop) {
		call_both(8);
		thread_yield();
		cpu_relax();
	}
	return 0;
}

/* Each time both functions are traced while it is on, and not once when it is off. */
KTEST(ftrace_files, tracers_are_switched_under_running_cpus)
{
	size_t free = trampolines_free();

	stop = false;
	EXPECT_EQ(put("set_ftrace_filter", "filed_one", false), 0);
	crowd_start(call_for_ever, 1);
	for (unsigned n = 0; n < 4 * stressed_each(16); n++) {
		EXPECT_EQ(put("current_tracer", "function", false), 0);
		EXPECT_EQ(put("set_ftrace_filter", n % 2 ? "filed_*" : "filed_two", false), 0);
		ring_buffer_reset();
		filed_two();
		EXPECT(ring_buffer_written());
		EXPECT_EQ(put("options/func_stack_trace", n % 3 ? "0" : "1", false), 0);
		EXPECT_EQ(put("current_tracer", "nop", false), 0);
		ring_buffer_reset();
		filed_two();
		EXPECT_EQ(ring_buffer_written(), 0);
	}
	stop = true;
	crowd_join();
	EXPECT_EQ(put("options/func_stack_trace", "0", false), 0);
	EXPECT_EQ(put("set_ftrace_filter", "", false), 0);
	EXPECT_EQ(trampolines_free(), free);
}
