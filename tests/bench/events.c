/* What a tracepoint costs: off, on, with a filter, with a count by key. */
#include "ftrace/event.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "tests/bench/bench.h"
#include "trace/ring_buffer.h"

static noinline void small(void) { tracepoint(timer_expire_entry, NULL, 1, NULL, 2); }

static const char name[COMM_SIZE] = "bench";
static noinline void large(void) { tracepoint(sched_switch, name, 1, 8, 0, name, 2, 8); }

static void set(struct event *e, bool on)
{
	BUG_ON(event_set_recording(e, on) != 0);
	ring_buffer_reset();
}
static void small_on(void) { set(&event_timer_expire_entry, true); }
static void small_off(void) { set(&event_timer_expire_entry, false); }
static void large_on(void) { set(&event_sched_switch, true); }
static void large_off(void) { set(&event_sched_switch, false); }

BENCH(bench_off, .name = "a call of a function with a tracepoint, off: a nop", .once = small);
BENCH(bench_small, .name = "the same with the tracepoint on: four numbers", .setup = small_on, .once = small,
      .teardown = small_off);
BENCH(bench_large, .name = "sched_switch: two names, five numbers", .setup = large_on, .once = large,
      .teardown = large_off);

static void set_filter(const char *text)
{
	BUG_ON(event_set_filter(&event_timer_expire_entry, text, strlen(text), false) != 0);
}
static void filtered_on(void)
{
	small_on();
	set_filter("now == 1 && baseclk > 2");
}
static void filtered_off(void)
{
	set_filter("0");
	small_off();
}
BENCH(bench_filtered, .name = "the same, kept out by \"now == 1 && baseclk > 2\"", .setup = filtered_on,
      .once = small, .teardown = filtered_off);

static void set_hist(const char *text)
{
	BUG_ON(event_set_trigger(&event_timer_expire_entry, text, strlen(text)) != 0);
}
static void hist_on(void) { set_hist("hist:keys=now"); }
static void hist_off(void) { set_hist("!hist:keys=now"); }
BENCH(bench_hist, .name = "the same, counted by hist:keys=now", .setup = hist_on, .once = small,
      .teardown = hist_off);
