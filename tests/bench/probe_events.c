/* What a probe's event costs: a call of a function with a probe on its entry, and what is recorded besides. */
#include "lib/bug.h"
#include "lib/string.h"
#include "tests/bench/bench.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

noinline void probe_bench_target(const char *text, u64 number);
noinline void probe_bench_target(const char *text, u64 number)
{
	__asm__ volatile("" : : "r"(text), "r"(number));
}

static void call(void) { probe_bench_target("fifteen letters", 3); }

static void put(const char *file, const char *text)
{
	BUG_ON(tracefs_write(file, text, strlen(text), false) != 0);
}

static void define(const char *definition)
{
	put(TRACEFS_MOUNT "/kprobes/technique", "emulate");
	put(TRACEFS_MOUNT "/kprobe_events", definition);
	put(TRACEFS_MOUNT "/events/kprobes/bench/enable", "1");
	ring_buffer_reset();
}
static void no_arguments(void) { define("p:bench probe_bench_target"); }
static void numbers(void) { define("p:bench probe_bench_target number=$arg2 first=+0($arg1):u8 sp=$stack0"); }
static void string(void) { define("p:bench probe_bench_target text=+0($arg1):string"); }
static void switched_off(void)
{
	no_arguments();
	tracing_off();
}
static void remove(void)
{
	put(TRACEFS_MOUNT "/events/kprobes/bench/enable", "0");
	put(TRACEFS_MOUNT "/kprobe_events", "");
	put(TRACEFS_MOUNT "/kprobes/technique", "auto");
	ring_buffer_reset();
	tracing_on();
}

BENCH(bench_probe_off, .name = "a probe event's hit, its nop emulated, tracing_on = 0", .setup = switched_off,
      .once = call, .teardown = remove);
BENCH(bench_probe_event, .name = "the same, event written", .setup = no_arguments, .once = call,
      .teardown = remove);
BENCH(bench_probe_numbers, .name = "the same with three numbers, two from memory", .setup = numbers,
      .once = call, .teardown = remove);
BENCH(bench_probe_string, .name = "the same with a string of fifteen letters", .setup = string, .once = call,
      .teardown = remove);
