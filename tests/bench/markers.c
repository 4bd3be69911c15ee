/* What text in the trace costs. */
#include "lib/trace_printk.h"
#include "tests/bench/bench.h"
#include "trace/ring_buffer.h"

static void say_number(void) { trace_printk("queue %d has %lu\n", 3, 12345ul); }
static void say_text(void) { trace_puts("a text of thirty characters, n\n"); }

BENCH(bench_trace_printk, .name = "trace_printk() of a text with two numbers", .once = say_number,
      .teardown = ring_buffer_reset);
BENCH(bench_trace_puts, .name = "trace_puts() of 30 characters", .once = say_text,
      .teardown = ring_buffer_reset);
