/* The stack tracer: exactly as deep as it was, and the way down there, interrupts and other consumers or not. */
#include "abi/errno.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "tests/kernel/contexts.h"
#include "tests/kernel/crowd.h"
#include "tracefs/tracefs.h"

static int put(const char *file, const char *text)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, text, strlen(text), false);
}

static const char *get(const char *file)
{
	static char buf[4096];
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";
	struct seq_buf b;

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	seq_buf_init(&b, buf, sizeof(buf));
	EXPECT_EQ(tracefs_read(path, &b.seq), 0);
	return buf;
}

static u64 max_size(void)
{
	const char *text = get("stack_max_size");
	u64 v = 0;

	EXPECT(parse_u64(text, strlen(text) - 1, 10, &v));
	return v;
}

static u64 leaf_at; /* where its frame is */
static noinline void stacked_leaf(void) { leaf_at = (u64)__builtin_frame_address(0); }
static noinline void stacked_wide(void)
{
	volatile u8 room[3000];

	room[0] = 0;
	stacked_leaf();
	room[2999] = room[0];
}
static noinline void stacked_outer(void)
{
	stacked_wide();
	__asm__ volatile("" ::: "memory");
}

static void start(void)
{
	EXPECT_EQ(put("stack_trace_filter", "stacked_*"), 0);
	EXPECT_EQ(put("stack_max_size", "0"), 0);
	EXPECT_EQ(put("stack_tracer_enabled", "1"), 0);
}
static void stop(void)
{
	EXPECT_EQ(put("stack_tracer_enabled", "0"), 0);
	EXPECT_EQ(put("stack_trace_filter", ""), 0);
}

static void expect_depth(void)
{
	const struct kstack *s = stack_of(leaf_at);

	EXPECT(s);
	if (s)
		EXPECT_EQ(max_size(), s->top - leaf_at);
}

KTEST(stack_tracer, the_deepest_to_the_byte_and_who_called_it)
{
	const char *text, *leaf, *wide, *outer;
	char first[80];

	start();
	stacked_leaf();
	expect_depth();
	stacked_outer();
	expect_depth();
	stacked_outer();
	stop();
	stacked_outer();
	text = get("stack_trace");
	leaf = strstr(text, "stacked_leaf+0x5/");
	wide = strstr(text, "stacked_wide+");
	outer = strstr(text, "stacked_outer+");
	EXPECT(leaf && wide && outer && leaf < wide && wide < outer);
	snprintf(first, sizeof(first), "\n  0) %8lu       8   stacked_leaf+0x5/",
		 stack_of(leaf_at)->top - leaf_at);
	EXPECT(strstr(text, first));
	EXPECT(wide && strstr(text, "  1) ") < wide && strstr(text, "  2) ") > leaf);
}

/* Each line's depth is less than the one's before. */
static void expect_descending(const char *text)
{
	u64 before = TASK_STACK_SIZE, depth;
	size_t lines = 0;

	while ((text = strstr(text, ") "))) {
		const char *at = text + 2;

		text = at;
		while (*at == ' ')
			at++;
		if (!parse_u64(at, (size_t)(strchr(at, ' ') - at), 10, &depth))
			continue; /* the head */
		EXPECT(depth < before && depth);
		before = depth;
		lines++;
	}
	EXPECT(lines > 5);
}

static noinline void stacked_waits(void) { in_irq(stacked_outer); }

KTEST(stack_tracer, through_an_interrupt)
{
	const char *text, *inside, *outside;

	start();
	stacked_waits();
	expect_depth();
	stop();
	text = get("stack_trace");
	inside = strstr(text, "irq_dispatch+");
	outside = strstr(text, "stacked_waits+");
	EXPECT(inside && outside && strstr(text, "stacked_leaf+") < inside && inside < outside);
	expect_descending(text);
}

static int dive(void *cpu)
{
	for (int i = 0; i < 100; i++)
		stacked_outer();
	return 0;
}

/* All together: whoever comes last finds that somebody was as deep already, or is the deepest. */
KTEST(stack_tracer, on_all_cpus_with_a_graph_tracer_at_the_same_sites)
{
	const char *text;

	EXPECT_EQ(put("set_ftrace_filter", "stacked_*"), 0);
	EXPECT_EQ(put("current_tracer", "function_graph"), 0);
	start();
	EXPECT_EQ(crowd_run(dive), 0);
	stop();
	EXPECT_EQ(put("current_tracer", "nop"), 0);
	EXPECT_EQ(put("set_ftrace_filter", ""), 0);
	text = get("stack_trace");
	EXPECT(strstr(text, "stacked_leaf+") && strstr(text, "stacked_outer+") && strstr(text, "dive+"));
	EXPECT(!strstr(text, "return_to_handler"));
	EXPECT(max_size() > 3000 && max_size() < TASK_STACK_SIZE);
}

KTEST(stack_tracer, the_files_refuse_what_they_do_not_understand)
{
	EXPECT_EQ(put("stack_max_size", "x"), -EINVAL);
	EXPECT_EQ(put("stack_tracer_enabled", ""), -EINVAL);
	EXPECT_EQ(put("stack_trace_filter", "no_such_function"), -EINVAL);
	EXPECT_EQ(put("stack_trace_filter", "stacked_leaf:traceoff"), -EINVAL);
	EXPECT_EQ(strcmp(get("stack_trace_filter"), "#### all functions enabled ####\n"), 0);
}
