/* What the function tracer's machinery costs: a callback, several, the switching of all sites, a filter. */
#include "ftrace/ftrace.h"
#include "lib/bug.h"
#include "tests/bench/bench.h"
#include "tracefs/tracefs.h"

static noinline void target(void) { __asm__ volatile("nop" ::: "memory"); }

/* notrace: called by a traced function. */
static notrace void empty(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame) {}

static struct ftrace_ops first = { .func = empty }, second = { .func = empty },
			 guarded = { .func = empty, .flags = FTRACE_OPS_FL_RECURSION };

static void on(struct ftrace_ops *ops)
{
	BUG_ON(ftrace_set_filter(ops, "target", true) != 0 || register_ftrace_function(ops) != 0);
}
static void off(struct ftrace_ops *ops)
{
	BUG_ON(unregister_ftrace_function(ops) != 0);
	ftrace_free_filter(ops);
}

static void first_on(void) { on(&first); }
static void first_off(void) { off(&first); }
BENCH(bench_empty, .name = "a traced call: an empty callback", .setup = first_on, .once = target,
      .teardown = first_off);

static void guarded_on(void) { on(&guarded); }
static void guarded_off(void) { off(&guarded); }
BENCH(bench_guarded, .name = "a traced call: an empty callback that is guarded", .setup = guarded_on,
      .once = target, .teardown = guarded_off);

static void both_on(void)
{
	on(&first);
	on(&second);
}
static void both_off(void)
{
	off(&first);
	off(&second);
}
BENCH(bench_two, .name = "a traced call: two empty callbacks", .setup = both_on, .once = target,
      .teardown = both_off);

static void all(void) { BUG_ON(ftrace_set_filter(&first, "", true) != 0); }
static void one(void) { BUG_ON(ftrace_set_filter(&first, "target", true) != 0); }
BENCH(bench_all_on, .name = "tracing on for every function, per function", .setup = first_on, .once = all,
      .undo = one, .per = ftrace_nr_sites, .teardown = first_off);
BENCH(bench_all_off, .name = "tracing off for all but one function, per function", .setup = first_on,
      .once = one, .undo = all, .per = ftrace_nr_sites, .teardown = first_off);

static void filter(void)
{
	BUG_ON(tracefs_write(TRACEFS_MOUNT "/set_ftrace_filter", "strlen\n", 7, false) != 0);
}
static void no_filter(void) { BUG_ON(tracefs_write(TRACEFS_MOUNT "/set_ftrace_filter", "", 0, false) != 0); }
BENCH(bench_filter, .name = "set_ftrace_filter to one name", .once = filter, .teardown = no_filter);

static void tracer_on(void)
{
	BUG_ON(tracefs_write(TRACEFS_MOUNT "/current_tracer", "function\n", 9, false) != 0);
}
static void tracer_off(void)
{
	no_filter();
	BUG_ON(tracefs_write(TRACEFS_MOUNT "/current_tracer", "nop\n", 4, false) != 0);
}
BENCH(bench_filter_live, .name = "the same while all functions are traced", .setup = tracer_on,
      .once = filter, .undo = no_filter, .teardown = tracer_off);
