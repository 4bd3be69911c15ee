/* From user mode to the kernel and back. */
#include "lib/bug.h"
#include "tests/bench/bench.h"
#include "tests/kernel/ring3.h"

static void setup(void) { BUG_ON(!ring3_make()); }
static void many_calls(void) { ring3_run(ring3_syscalls, 0); }
static size_t how_many(void) { return RING3_SYSCALLS; }
BENCH(bench_syscall, .name = "a system call that does nothing, from user mode", .setup = setup,
      .once = many_calls, .per = how_many, .teardown = ring3_drop);
