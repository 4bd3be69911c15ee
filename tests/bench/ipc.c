/* Messages and signals between two processes, measured by themselves: the moment before the instruction syscall, and that after it. */
#include "abi/rights.h"
#include "lib/bug.h"
#include "tests/bench/bench.h"
#include "tests/kernel/user_process.h"

/* What a program leaves in its words: what it takes to measure nothing, and two figures of each run. */
struct figures_page {
	u64 empty, first[BENCH_RUNS], second[BENCH_RUNS];
};
static_assert(sizeof(struct figures_page) <= WORDS_PAGES * PAGE_SIZE, "its words have room for them");

static struct figures_page mine, others;

static void start(struct user_process *u, const u8 *program, struct object *o, u8 priority)
{
	BUG_ON(!user_process(u, "bench"));
	user_process_start(u, program, (u64)process_give(u->process, o, RIGHTS_ALL, 0), WORDS_BASE, priority);
}

static void end(struct user_process *u, struct figures_page *f)
{
	struct memory *words = u->words;

	memory_get(words);
	user_process_end(u);
	memory_read(words, 0, f, sizeof(*f));
	memory_put(words);
}

/* Both have the same object, and the first is waiting when the second starts. */
static void run(struct object *o, const u8 *waits, u8 its_priority, const u8 *asks)
{
	struct user_process a, b;

	start(&a, waits, o, its_priority);
	thread_yield();
	start(&b, asks, o, PRIORITY_DEFAULT);
	end(&b, &mine);
	process_kill(a.process, 0);
	end(&a, &others);
	object_put(o);
	user_processes_settle();
}

static u64 first(unsigned i) { return mine.first[i] - mine.empty; }
static u64 second(unsigned i) { return mine.second[i] - mine.empty; }
static u64 to_the_other(unsigned i) { return others.first[i] - mine.first[i] - mine.empty; }

static void call_setup(void)
{
	run(&endpoint_create()->object, up_bench_server, PRIORITY_DEFAULT, up_bench_call);
}
BENCH(bench_ipc_call, .name = "a message to another process: call", .setup = call_setup, .ticks = first);
BENCH(bench_ipc_reply, .name = "the same: reply and receive", .setup = call_setup, .ticks = second);

static void round_setup(void)
{
	run(&endpoint_create()->object, up_bench_echo, PRIORITY_DEFAULT, up_bench_round);
}
BENCH(bench_ipc_round, .name = "there and back, eight words each way", .setup = round_setup, .ticks = first);

static void signal_setup(void)
{
	run(&notification_create()->object, up_exit, PRIORITY_DEFAULT, up_bench_signal);
}
BENCH(bench_signal, .name = "a signal to a process that doesn't wait", .setup = signal_setup,
      .ticks = second);

static void wake_setup(void)
{
	run(&notification_create()->object, up_bench_wait, PRIORITY_DEFAULT + 1, up_bench_signal);
}
BENCH(bench_signal_switch, .name = "a signal to one of a higher priority, which runs", .setup = wake_setup,
      .ticks = to_the_other);
