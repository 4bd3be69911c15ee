/* What probes in programs cost: one instruction of a user's, measured by himself, with a probe and without. */
#include "lib/bug.h"
#include "lib/string.h"
#include "tests/bench/bench.h"
#include "tests/kernel/uprobe.h"
#include "tests/kernel/user_process.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

static struct uprobe probe;
static int without, with;

/* The least that it took in one of many times; the figure is the program's status. */
static int measure(const char *program)
{
	struct probed_run r;
	u64 size;

	BUG_ON(!probed_begin(&r) || !probed_start(&r, probed_function(program, &size), 0));
	return probed_end(&r);
}

static u64 ticks(unsigned i) { return (u64)(with - without); }

static void nothing(struct uprobe *u, struct pt_regs *regs) {}
static void nothing_returned(struct uprobe *u, struct pt_regs *regs, u64 ret_addr) {}

static void compare(const char *program, const char *place, bool returns)
{
	struct uprobe_spot spot;
	u64 size;

	without = measure(program);
	probe = (struct uprobe){ .handler = nothing };
	if (returns)
		probe = (struct uprobe){ .ret_handler = nothing_returned };
	BUG_ON(!probed_spot(probed_function(place, &size), &spot) || uprobe_register(&probe, &spot) != 0 ||
	       uprobe_arm(&probe) != 0);
	with = measure(program);
	uprobe_unregister(&probe);
	user_processes_settle();
}

static void emulated(void) { compare("probed_time_nop", "probed_at_nop", false); }
static void copied(void) { compare("probed_time_add", "probed_at_add", false); }
static void stepped(void) { compare("probed_time_popf", "probed_at_popf", false); }
static void returned(void) { compare("probed_time_call", "probed_callee", true); }

static void put(const char *file, const char *text)
{
	BUG_ON(tracefs_write(file, text, strlen(text), false) != 0);
}

static void recorded(void)
{
	without = measure("probed_time_nop");
	put(TRACEFS_MOUNT "/uprobe_events", "p:bench/user /bin/probed:probed_at_nop");
	put(TRACEFS_MOUNT "/events/bench/user/enable", "1");
	with = measure("probed_time_nop");
	put(TRACEFS_MOUNT "/events/bench/user/enable", "0");
	put(TRACEFS_MOUNT "/uprobe_events", "");
	ring_buffer_reset();
	user_processes_settle();
}

BENCH(bench_uprobe_emulated, .name = "a probe in a program, an empty handler, its nop emulated",
      .setup = emulated, .ticks = ticks);
BENCH(bench_uprobe_copied, .name = "the same, its instruction run from a copy", .setup = copied,
      .ticks = ticks);
BENCH(bench_uprobe_stepped, .name = "the same, its instruction stepped", .setup = stepped, .ticks = ticks);
BENCH(bench_uprobe_event, .name = "the same as an event, its nop emulated, event written", .setup = recorded,
      .ticks = ticks);
BENCH(bench_uprobe_return, .name = "a return probe in a program, its entry emulated", .setup = returned,
      .ticks = ticks);
