/* The graph tracer: each call has its return, in its place, whatever comes in between; and traced code notices nothing. */
#include "ftrace/graph.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/unwind.h"
#include "arch/x86/mm/text_poke.h"
#include "kernel/backtrace.h"
#include "kernel/nmi.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/contexts.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/trace_read.h"
#include "trace/event.h"
#include "tracefs/tracefs.h"

static int put(const char *file, const char *text)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, text, strlen(text), false);
}

static void start(const char *filter)
{
	EXPECT_EQ(put("set_ftrace_filter", filter), 0);
	EXPECT_EQ(put("current_tracer", "function_graph"), 0);
	ring_buffer_reset();
}

static struct graph_entry *top_before;
static bool stack_is_as_before(void) { return this_cpu(graph_here)->top == top_before; }

static void stop(void)
{
	EXPECT_EQ(put("current_tracer", "nop"), 0);
	EXPECT_EQ(put("set_ftrace_filter", ""), 0);
}

/* What must be in the ring: '{' for an entry, '}' for a return, and whose. */
struct step {
	char what;
	s32 depth;
	void (*func)(void);
};

static struct graph_exit_event exit_at(u64 n)
{
	struct graph_exit_event x = {};
	struct ring_entry e;

	if (ring_buffer_read(n, &e))
		memcpy(&x, e.payload, sizeof(x));
	return x;
}

static void expect_steps(int line, const struct step *steps, size_t n)
{
	if (ring_buffer_entries() != n)
		ktest_fail(__FILE__, line, "as many records", ring_buffer_entries(), n);
	for (size_t i = 0; i < n; i++) {
		struct graph_exit_event x = exit_at(i);
		struct ring_entry e;

		if (!ring_buffer_read(i, &e))
			return;
		if ((e.type == TRACE_GRAPH_ENT ? '{' : '}') != steps[i].what ||
		    x.func != (u64)steps[i].func || x.depth != steps[i].depth)
			ktest_fail(__FILE__, line, "this record", i << 32 | (u32)x.depth, x.func);
		if (e.type == TRACE_GRAPH_RET)
			EXPECT(x.rettime >= x.calltime && e.time >= x.calltime);
	}
}
#define EXPECT_STEPS(...)                                            \
	do {                                                         \
		static const struct step _steps[] = { __VA_ARGS__ }; \
		expect_steps(__LINE__, _steps, ARRAY_SIZE(_steps));  \
	} while (0)

static noinline void graphed_leaf(void) { barrier(); }
static noinline void graphed_two(void)
{
	graphed_leaf();
	graphed_leaf();
}
static noinline void graphed_outer(void)
{
	graphed_two();
	graphed_leaf();
}

KTEST(graph, calls_nest_as_braces)
{
	start("graphed_*");
	graphed_outer();
	stop();
	graphed_outer();
	EXPECT_STEPS({ '{', 0, graphed_outer }, { '{', 1, graphed_two }, { '{', 2, graphed_leaf },
		     { '}', 2, graphed_leaf }, { '{', 2, graphed_leaf }, { '}', 2, graphed_leaf },
		     { '}', 1, graphed_two }, { '{', 1, graphed_leaf }, { '}', 1, graphed_leaf },
		     { '}', 0, graphed_outer });
}

KTEST(graph, registers_survive_both_trampolines)
{
	struct machine plain = machine_pattern, traced = machine_pattern;

	plain.flags = traced.flags = 0x202; /* DF is clear where a function begins */
	machine_run(&plain, graphed_two);
	start("graphed_*");
	machine_run(&traced, graphed_two);
	stop();
	EXPECT_EQ(ring_buffer_entries(), 6);
	EXPECT_EQ(traced.bx, plain.bx);
	EXPECT_EQ(traced.bp, plain.bp);
	EXPECT_EQ(traced.sp, plain.sp);
	EXPECT_EQ(memcmp(&traced.r12, &plain.r12, 4 * sizeof(u64)), 0);
	EXPECT_EQ(traced.flags & 0x600, plain.flags & 0x600);
}

struct pair {
	u64 first, second; /* in rax and rdx */
};
static __attribute__((noipa)) struct pair graphed_pair(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	return (struct pair){ a ^ b << 1 ^ c << 2, d ^ e << 3 ^ f << 4 };
}

KTEST(graph, arguments_and_results_are_what_they_were)
{
	struct pair plain = graphed_pair(1, 20, 300, 4000, 50000, 600000), traced;

	start("graphed_pair");
	EXPECT_EQ(put("options/funcgraph-retval", "1"), 0);
	traced = graphed_pair(1, 20, 300, 4000, 50000, 600000);
	EXPECT_EQ(put("options/funcgraph-retval", "0"), 0);
	stop();
	EXPECT_EQ(traced.first, plain.first);
	EXPECT_EQ(traced.second, plain.second);
	EXPECT_EQ(exit_at(1).retval, plain.first);
}

static noinline u64 graphed_deep(u64 n)
{
	u64 below = n ? graphed_deep(n - 1) : 0;

	barrier();
	return below + n;
}
#define ROOM   (4096 / sizeof(struct graph_entry) - 1)
#define DEEPER (ROOM + 40)

/* What is too deep is counted and passed over. */
KTEST(graph, a_full_stack_of_returns_hurts_nobody)
{
	struct graph_exit_event last;
	u32 overrun = this_cpu(graph_here)->overrun;

	start("graphed_deep");
	EXPECT_EQ(graphed_deep(DEEPER - 1), DEEPER * (DEEPER - 1) / 2);
	stop();
	EXPECT_EQ(ring_buffer_entries(), 2 * ROOM);
	EXPECT_EQ(this_cpu(graph_here)->overrun - overrun, DEEPER - ROOM);
	last = exit_at(2 * ROOM - 1);
	EXPECT_EQ(last.depth, 0);
	EXPECT_EQ(last.overrun, this_cpu(graph_here)->overrun);
}

static void *jump[5];
static noinline void graphed_jumper(void) { __builtin_longjmp(jump, 1); }
static noinline void graphed_between(void)
{
	graphed_jumper();
	barrier();
}
static noinline bool graphed_landing(void)
{
	if (__builtin_setjmp(jump))
		return true;
	graphed_between();
	return false;
}

KTEST(graph, functions_that_never_return_are_skipped)
{
	bool landed;

	start("graphed_*");
	top_before = this_cpu(graph_here)->top;
	landed = graphed_landing();
	EXPECT(stack_is_as_before());
	graphed_leaf();
	stop();
	/* With a probe at graphed_landing() nobody below is hooked, who would find these stale. */
	graph_cut(this_cpu(graph_here), top_before);
	EXPECT(landed);
	EXPECT_STEPS({ '{', 0, (void (*)(void))graphed_landing }, { '{', 1, graphed_between },
		     { '{', 2, graphed_jumper }, { '}', 0, (void (*)(void))graphed_landing },
		     { '{', 0, graphed_leaf }, { '}', 0, graphed_leaf });
}

/* Interrupts, a breakpoint's handler and NMIs put their calls on whatever stack of returns is there. */
static void call_in_irq(void) { graphed_two(); }
static noinline void graphed_interrupted(void)
{
	in_irq(call_in_irq);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	graphed_leaf();
}

KTEST(graph, interrupts_and_nmis_nest)
{
	start("graphed_* nmi_arrived");
	top_before = this_cpu(graph_here)->top;
	graphed_interrupted();
	EXPECT(stack_is_as_before());
	stop();
	EXPECT_STEPS({ '{', 0, graphed_interrupted }, { '{', 1, graphed_two }, { '{', 2, graphed_leaf },
		     { '}', 2, graphed_leaf }, { '{', 2, graphed_leaf }, { '}', 2, graphed_leaf },
		     { '}', 1, graphed_two }, { '{', 1, (void (*)(void))nmi_arrived },
		     { '}', 1, (void (*)(void))nmi_arrived }, { '{', 1, graphed_leaf },
		     { '}', 1, graphed_leaf }, { '}', 0, graphed_interrupted });
}

static void call_in_probe(struct kprobe *p, struct pt_regs *regs) { graphed_leaf(); }

/* At each instruction behind the entry site, the ret among them, which then goes to return_to_handler. */
KTEST(graph, a_probe_anywhere_in_a_traced_function)
{
	const u8 *code = (const u8 *)graphed_two;
	struct insn insn;

	start("graphed_*");
	top_before = this_cpu(graph_here)->top;
	for (u64 off = SITE_SIZE;; off += insn.length) {
		struct kprobe p = { .addr = (u64)code + off, .pre = call_in_probe, .post = call_in_probe };

		EXPECT_EQ(insn_decode(&insn, code + off, INSN_MAX_LENGTH), 0);
		if (!probe_on(&p))
			break;
		ring_buffer_reset();
		graphed_two();
		probe_off(&p);
		EXPECT_EQ(p.hits, 1);
		EXPECT(stack_is_as_before());
		EXPECT_EQ(ring_buffer_entries(), 10);
		if (insn.class == INSN_RET)
			break;
	}
	stop();
}

KTEST(graph, a_probe_on_the_return_trampoline_is_refused)
{
	struct kprobe p = { .addr = (u64)return_to_handler };
	const char *why = "";

	kprobe_unsafe = true;
	EXPECT_EQ(kprobe_register(&p, &why), -EINVAL);
	EXPECT(strstr(why, ".entry.text"));
	kprobe_unsafe = false;
}

/* A thread that is switched away from in the middle, with its time asleep counted and not. */
static u64 ran_from, ran_to;
static int other_runs(void *arg)
{
	ran_from = trace_clock();
	graphed_leaf();
	ran_to = trace_clock();
	return 0;
}
static noinline void graphed_sleeper(void)
{
	struct thread *t =
		thread_create("other", other_runs, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));

	EXPECT(t);
	if (t)
		thread_join(t);
}

static u64 duration_of(struct graph_exit_event x) { return x.rettime - x.calltime; }

KTEST(graph, threads_have_their_own_and_sleep_counts_or_not)
{
	static const char *const times[] = { "1", "0" };
	struct ring_entry first = {}, last = {};

	EXPECT_EQ(thread_set_affinity(1u << this_cpu(cpu_number)), 0);
	for (int i = 0; i < 2; i++) {
		u64 all, ran;

		EXPECT_EQ(put("options/sleep-time", times[i]), 0);
		start("graphed_*");
		graphed_sleeper();
		stop();
		EXPECT_EQ(put("options/sleep-time", "1"), 0);
		EXPECT_STEPS({ '{', 0, graphed_sleeper }, { '{', 0, graphed_leaf }, { '}', 0, graphed_leaf },
			     { '}', 0, graphed_sleeper });
		EXPECT(ring_buffer_read(0, &first) && ring_buffer_read(3, &last));
		all = last.time - first.time;
		ran = ran_to - ran_from;
		if (i == 0)
			EXPECT(duration_of(exit_at(3)) >= ran);
		else
			EXPECT(duration_of(exit_at(3)) + ran <= all);
	}
	EXPECT_EQ(thread_set_affinity(CPU_MASK_ALL), 0);
}

static noinline void graphed_last(void) { thread_exit(7); }
static int ends_inside(void *arg)
{
	graphed_last();
	return 0;
}

KTEST(graph, a_thread_that_ends_inside_takes_its_stack_along)
{
	size_t frames;

	start("graphed_*");
	for (int i = 0; i < 2; i++) { /* the first leaves a page to the small objects */
		frames = frames_free_count();
		for (unsigned n = 0; n < stressed(20); n++) {
			struct thread *t =
				thread_create("ends", ends_inside, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);

			EXPECT(t);
			if (t)
				EXPECT_EQ(thread_join(t), 7);
		}
	}
	EXPECT_EQ(frames_free_count(), frames);
	stop();
}

static noinline void graphed_stops(void) { EXPECT_EQ(put("current_tracer", "nop"), 0); }
static noinline void graphed_restarts(void)
{
	graphed_stops();
	start("graphed_leaf");
	graphed_leaf();
}

/* What was hooked before the tracer went off returns by the thread's stack, and isn't recorded; when it is on again, it is. */
KTEST(graph, the_tracer_may_go_off_while_functions_are_inside)
{
	start("graphed_*");
	top_before = this_cpu(graph_here)->top;
	graphed_stops();
	EXPECT(stack_is_as_before());
	EXPECT_STEPS({ '{', 0, graphed_stops });
	start("graphed_*");
	graphed_restarts();
	EXPECT(stack_is_as_before());
	stop();
	EXPECT_STEPS({ '{', 1, graphed_leaf }, { '}', 1, graphed_leaf }, { '}', 0, graphed_restarts });
}

static char text[2048];
static void write_backtrace(void)
{
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	backtrace(&b.seq, NULL);
}
static noinline void graphed_traced(void)
{
	write_backtrace();
	barrier();
}
static noinline void graphed_its_caller(void)
{
	graphed_traced();
	barrier();
}
static u64 returns_to;
static noinline void graphed_asks(void) { returns_to = RETURN_ADDRESS(); }
static void in_leave(struct kprobe *p, struct pt_regs *regs)
{
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	backtrace(&b.seq, regs);
}

/* Where the frame stands. */
static u64 inside(const void *function)
{
	static const u8 mov_rsp_rbp[] = { 0x48, 0x89, 0xe5 };
	const u8 *code = function;
	struct insn insn;

	while (memcmp(code, mov_rsp_rbp, sizeof(mov_rsp_rbp)) != 0 &&
	       insn_decode(&insn, code, INSN_MAX_LENGTH) == 0)
		code += insn.length;
	return (u64)code + sizeof(mov_rsp_rbp);
}

KTEST(graph, backtraces_show_where_functions_really_return)
{
	struct kprobe p = { .addr = inside(graph_return), .pre = in_leave };

	start("graphed_*");
	graphed_its_caller();
	graphed_asks();
	EXPECT(strstr(text, "  graphed_traced+"));
	EXPECT(strstr(text, "  graphed_its_caller+"));
	EXPECT(strstr(text, "  ktest_graph_backtraces_show"));
	EXPECT(!strstr(text, "return_to_handler"));
	EXPECT(returns_to - (u64)ktest_graph_backtraces_show_where_functions_really_return < 4096);
	EXPECT_EQ(put("set_ftrace_filter", "graphed_leaf"), 0);
	if (probe_on(&p)) {
		graphed_two();
		probe_off(&p);
		EXPECT(strstr(text, "  graphed_two+"));
	}
	stop();
}

KTEST(graph, filters_choose_functions_and_all_they_call)
{
	start("graphed_*");
	EXPECT_EQ(put("set_graph_function", "graphed_two"), 0);
	graphed_outer();
	EXPECT_STEPS({ '{', 0, graphed_two }, { '{', 1, graphed_leaf }, { '}', 1, graphed_leaf },
		     { '{', 1, graphed_leaf }, { '}', 1, graphed_leaf }, { '}', 0, graphed_two });
	EXPECT_EQ(put("set_graph_function", ""), 0);
	EXPECT_EQ(put("set_graph_notrace", "graphed_two"), 0);
	ring_buffer_reset();
	graphed_outer();
	EXPECT_STEPS({ '{', 0, graphed_outer }, { '{', 1, graphed_leaf }, { '}', 1, graphed_leaf },
		     { '}', 0, graphed_outer });
	EXPECT_EQ(put("set_graph_notrace", ""), 0);
	EXPECT_EQ(put("max_graph_depth", "1"), 0);
	ring_buffer_reset();
	graphed_outer();
	EXPECT_STEPS({ '{', 0, graphed_outer }, { '}', 0, graphed_outer });
	EXPECT_EQ(put("max_graph_depth", "0"), 0);
	EXPECT_EQ(put("tracing_thresh", "1000000"), 0);
	ring_buffer_reset();
	graphed_outer();
	EXPECT_EQ(ring_buffer_entries(), 0);
	EXPECT_EQ(put("tracing_thresh", "0"), 0);
	stop();
}

KTEST(graph, the_files_refuse_what_they_do_not_understand)
{
	static const char *const files[] = { "set_graph_function",     "set_graph_notrace",
					     "max_graph_depth",	       "tracing_thresh",
					     "options/funcgraph-tail", "options/sleep-time" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(put(files[i], "no_such_function"), -EINVAL);
		EXPECT_EQ(put(files[i], "graphed_leaf -1"), -EINVAL);
	}
	EXPECT_EQ(put("options/funcgraph-tail", "2"), -EINVAL);
	EXPECT_EQ(put("max_graph_depth", "4294967296"), -EINVAL);
}

/* On all CPUs at once, with interrupts and switches in between: each thread's braces match, on whatever CPU. */
static noinline void graphed_busy(void)
{
	graphed_leaf();
	thread_yield();
	graphed_leaf();
}
static int busy(void *cpu)
{
	struct graph_entry *top = this_cpu(graph_here)->top;
	unsigned bad = 0;

	for (unsigned i = stressed_each(400); i; i--) {
		graphed_busy();
		bad += this_cpu(graph_here)->top != top;
	}
	return (int)bad;
}

KTEST(graph, threads_on_all_cpus)
{
	start("graphed_* schedule switch_away thread_yield irq_dispatch");
	crowd_start(busy, 2);
	EXPECT_EQ(crowd_join(), 0);
	stop();
}
