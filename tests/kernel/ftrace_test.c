/* The function tracer: exactly the functions asked for, each entry once, and traced code notices nothing. */
#include "ftrace/ftrace.h"

#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "trace/event.h"
#include "trace/guard.h"
#include "tests/kernel/trace_read.h"
#include "tracefs/tracefs.h"

#define CALLS 50

static volatile u64 traced_parent;
static noinline void traced_one(void) { traced_parent = (u64)__builtin_return_address(0); }
static noinline void traced_two(void) { barrier(); }

static int put(const char *file, const char *text, bool append)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, text, strlen(text), append);
}

static void trace_start(const char *filter)
{
	EXPECT_EQ(put("set_ftrace_filter", filter, false), 0);
	EXPECT_EQ(put("current_tracer", "function\n", false), 0);
	ring_buffer_reset();
}

static void trace_stop(void)
{
	EXPECT_EQ(put("current_tracer", "nop\n", false), 0);
	EXPECT_EQ(put("set_ftrace_filter", "", false), 0);
}

/* Is entry @n of the ring a call of @fn from @parent? */
static bool is_call(u64 n, void (*fn)(void), u64 parent)
{
	struct ring_entry e;
	u64 ips[2];

	if (!ring_buffer_read(n, &e) || e.type != TRACE_FN)
		return false;
	memcpy(ips, e.payload, sizeof(ips));
	return ips[0] == (u64)fn && ips[1] == parent;
}

/* One place of calling: where a loop is unrolled there are several. */
static noinline void call_once(void) { traced_one(); }

KTEST(ftrace, every_call_is_one_entry)
{
	trace_start("traced_one");
	for (int i = 0; i < CALLS; i++) {
		call_once();
		traced_two();
	}
	trace_stop();
	call_once();
	EXPECT_EQ(ring_buffer_written(), CALLS);
	for (u64 i = 0; i < CALLS; i++)
		EXPECT(is_call(i, traced_one, traced_parent));
}

KTEST(ftrace, an_entry_names_callee_and_caller)
{
	trace_start("traced_one traced_two");
	call_once();
	traced_two();
	call_once();
	trace_stop();
	EXPECT_EQ(ring_buffer_written(), 3);
	EXPECT(is_call(0, traced_one, traced_parent));
	EXPECT(!is_call(1, traced_one, traced_parent));
	EXPECT(is_call(2, traced_one, traced_parent));
	EXPECT(traced_parent - (u64)call_once < 64);
}

KTEST(ftrace, registers_survive_the_trampoline)
{
	struct machine plain = machine_pattern, traced = machine_pattern;

	/* DF is clear where a function begins: the tracer counts on it, and so does the thread that it lets run. */
	plain.flags = traced.flags = 0x202;
	machine_run(&plain, traced_two);
	trace_start("traced_two");
	machine_run(&traced, traced_two);
	trace_stop();
	EXPECT_EQ(ring_buffer_written(), 1);
	traced.ax = plain.ax; /* dead at a function's entry: fentry.asm */
	traced.r10 = plain.r10;
	traced.r11 = plain.r11;
	traced.flags &= 0x200; /* and so are the arithmetic flags */
	plain.flags &= 0x200;
	machine_expect_same("traced", 0, &traced, &plain);
}

static struct seq_buf text_of(const char *path, char *buf, size_t size)
{
	struct seq_buf b;

	seq_buf_init(&b, buf, size);
	EXPECT_EQ(tracefs_read(path, &b.seq), 0);
	return b;
}
#define FILTER TRACEFS_MOUNT "/set_ftrace_filter"

KTEST(ftrace, a_refused_filter_changes_nothing)
{
	static char before[256], after[256];
	static const char *const refused[] = { "no_such_function", "traced_two no_such_function",
					       "!no_such_function", "traced_t*_x" };

	trace_start("traced_one");
	text_of(FILTER, before, sizeof(before));
	EXPECT_EQ(strcmp(before, "traced_one\n"), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(put("set_ftrace_filter", refused[i / 2], i % 2), -EINVAL);
		text_of(FILTER, after, sizeof(after));
		EXPECT_EQ(strcmp(before, after), 0);
	}
	ring_buffer_reset();
	traced_two();
	EXPECT_EQ(ring_buffer_written(), 0);
	traced_one();
	EXPECT_EQ(ring_buffer_written(), 1);
	trace_stop();
}

KTEST(ftrace, filters_are_globs_and_can_be_added_and_taken_away)
{
	static char text[256];

	trace_start("traced_one");
	EXPECT_EQ(put("set_ftrace_filter", "traced_t*", true), 0);
	text_of(FILTER, text, sizeof(text));
	EXPECT(strstr(text, "traced_one\n") && strstr(text, "traced_two\n"));
	EXPECT_EQ(put("set_ftrace_filter", "!traced_one", true), 0);
	ring_buffer_reset();
	traced_one();
	traced_two();
	EXPECT_EQ(ring_buffer_written(), 1);
	trace_stop();
}

KTEST(ftrace, tracing_on_0_records_nothing)
{
	trace_start("traced_one");
	EXPECT_EQ(put("tracing_on", "0", false), 0);
	traced_one();
	EXPECT_EQ(ring_buffer_written(), 0);
	EXPECT_EQ(put("tracing_on", "1", false), 0);
	traced_one();
	EXPECT_EQ(ring_buffer_written(), 1);
	trace_stop();
}

KTEST(ftrace, a_call_inside_the_tracer_is_dropped_and_counted)
{
	u64 dropped = guard_dropped[GUARD_FUNCTION];
	u32 bits = guard_bits, guard;

	trace_start("traced_one");
	guard = guard_enter(GUARD_FUNCTION);
	EXPECT(guard);
	for (int i = 0; i < CALLS; i++)
		traced_one();
	guard_leave(guard);
	EXPECT_EQ(ring_buffer_written(), 0);
	EXPECT_EQ(guard_dropped[GUARD_FUNCTION], dropped + CALLS);
	traced_one();
	EXPECT_EQ(ring_buffer_written(), 1);
	trace_stop();
	EXPECT_EQ(guard_bits, bits);
}

/* Guards are kept by kind and by context, so an int3's events are kept while the task's are being written. */
KTEST(ftrace, other_kinds_and_contexts_have_their_own_guard)
{
	u64 dropped = guard_dropped[GUARD_FUNCTION];
	u32 task = guard_enter(GUARD_FUNCTION), kprobe = guard_enter(GUARD_KPROBE), trap;

	EXPECT(task && kprobe && task != kprobe);
	this_cpu(context_word) += NMI_ONE;
	trap = guard_enter(GUARD_FUNCTION);
	EXPECT(trap && trap != task);
	EXPECT_EQ(guard_enter(GUARD_FUNCTION), 0);
	guard_leave(trap);
	this_cpu(context_word) -= NMI_ONE;
	EXPECT_EQ(guard_enter(GUARD_FUNCTION), 0);
	guard_leave(kprobe);
	guard_leave(task);
	EXPECT_EQ(guard_dropped[GUARD_FUNCTION], dropped + 2);
	EXPECT_EQ(guard_bits, 0);
}

static size_t sites_not_nop(void)
{
	static const u8 nop5[SITE_SIZE] = NOP5;
	size_t n = 0;

	for (size_t i = 0; i < ftrace_nr_sites(); i++)
		n += memcmp((void *)ftrace_site(i)->ip, nop5, SITE_SIZE) != 0;
	return n;
}

KTEST(ftrace, all_functions_on_and_off_again)
{
	EXPECT_EQ(sites_not_nop(), 0);
	trace_start("");
	EXPECT_EQ(sites_not_nop(), ftrace_nr_sites());
	ring_buffer_reset();
	call_once();
	EXPECT(ring_buffer_written() >= 2);
	trace_stop();
	EXPECT_EQ(sites_not_nop(), 0);
}

KTEST(ftrace, a_site_finds_its_bytes)
{
	struct ftrace_site *site = ftrace_site_at((u64)traced_one);

	EXPECT(site);
	EXPECT_EQ(site ? site->ip : 0, traced_one);
	EXPECT_EQ(ftrace_site_at((u64)traced_one + SITE_SIZE - 1), site);
	EXPECT(ftrace_site_at((u64)traced_one + SITE_SIZE) != site);
	EXPECT(!ftrace_site_at((u64)ftrace_nr_sites - (1ul << 30)));
}

KTEST(ftrace, an_entry_with_a_probe_is_left_alone)
{
	struct kprobe p = { .addr = (u64)traced_one, .technique = KPROBE_EMULATE };

	if (!probe_on(&p))
		return;
	trace_start("traced_one traced_two");
	EXPECT(!ftrace_site_at((u64)traced_one)->patched);
	EXPECT(ftrace_site_at((u64)traced_two)->patched);
	EXPECT_EQ(ftrace_refresh(), 1);
	traced_one();
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(ring_buffer_written(), 0);
	probe_off(&p); /* and the tracer gets it at once */
	traced_one();
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(ring_buffer_written(), 1);
	trace_stop();
	EXPECT_EQ(sites_not_nop(), 0);
}
