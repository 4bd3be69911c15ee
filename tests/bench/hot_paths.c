/* The paths whose cost everything else pays: breakpoint, probe, function tracing, RCU's entry. */
#include "arch/x86/mm/extable.h"
#include "context/watch.h"
#include "ftrace/ftrace.h"
#include "kprobe/kretprobe.h"
#include "lib/bug.h"
#include "tests/bench/bench.h"
#include "tracefs/tracefs.h"
#include "trace/ring_buffer.h"

static void int3_and_back(void) { __asm__ volatile("int3\n1:\n" EX_TABLE(1b, 1b)); }
BENCH(bench_int3, .name = "int3 to a C handler and back", .once = int3_and_back);

static void step_and_back(void)
{
	__asm__ volatile("pushf\n\torl $0x100, (%%rsp)\n\tpopf\n\tnop\n1:\n" EX_TABLE(1b, 1b)::
				 : "memory", "cc");
}
BENCH(bench_step, .name = "#DB after a nop to a C handler and back, with 4 to set TF", .once = step_and_back);

static void enter_and_exit(void)
{
	rcu_nmi_enter();
	rcu_nmi_exit();
}
BENCH(bench_rcu_nmi, .name = "rcu_nmi_enter and rcu_nmi_exit, with their calls", .once = enter_and_exit);

/* A function of one instruction beyond its entry and frame, to trace. */
static noinline void target(void) { __asm__ volatile("nop" ::: "memory"); }

BENCH(bench_call, .name = "a call of an untraced function (to subtract)", .once = target);

static void empty(struct kprobe *p, struct pt_regs *regs) {}
static struct kprobe probe;
static void probe_on(void)
{
	const char *why;

	probe = (struct kprobe){ .addr = (u64)target, .pre = empty, .technique = KPROBE_FTRACE };
	BUG_ON(kprobe_register(&probe, &why) != 0 || kprobe_arm(&probe) != 0);
}
static void probe_off(void) { kprobe_unregister(&probe); }
BENCH(bench_probe_ftrace, .name = "the same with a probe on its entry, by fentry", .setup = probe_on,
      .once = target, .teardown = probe_off);

static void at_return(struct kretprobe_instance *ri, struct pt_regs *regs) {}
static struct kretprobe return_probe;

static void return_probe_by(enum kprobe_technique t)
{
	const char *why;

	return_probe =
		(struct kretprobe){ .kp = { .addr = (u64)target, .technique = t }, .handler = at_return };
	BUG_ON(kretprobe_register(&return_probe, &why) != 0 || kretprobe_arm(&return_probe) != 0);
}
static void return_probe_on(void) { return_probe_by(KPROBE_FTRACE); }
static void return_probe_by_int3(void) { return_probe_by(KPROBE_EMULATE); }
static void return_probe_off(void) { kretprobe_unregister(&return_probe); }

BENCH(bench_kretprobe, .name = "the same with a return probe, its entry by fentry", .setup = return_probe_on,
      .once = target, .teardown = return_probe_off);
BENCH(bench_kretprobe_int3, .name = "the same, its entry by int3", .setup = return_probe_by_int3,
      .once = target, .teardown = return_probe_off);

static void write_file(const char *path, const char *text, size_t len)
{
	BUG_ON(tracefs_write(path, text, len, false) != 0);
}
static void trace_on(void)
{
	write_file(TRACEFS_MOUNT "/set_ftrace_filter", "target\n", 7);
	write_file(TRACEFS_MOUNT "/current_tracer", "function\n", 9);
}
static void trace_off(void)
{
	write_file(TRACEFS_MOUNT "/current_tracer", "nop\n", 4);
	write_file(TRACEFS_MOUNT "/set_ftrace_filter", "", 0);
	ring_buffer_reset();
	tracing_on();
}
static void trace_on_but_stopped(void)
{
	trace_on();
	tracing_off();
}
BENCH(bench_function, .name = "the same with the function tracer, event written", .setup = trace_on,
      .once = target, .teardown = trace_off);
BENCH(bench_function_off, .name = "the same with tracing_on = 0", .setup = trace_on_but_stopped,
      .once = target, .teardown = trace_off);

static void graph_on(void)
{
	write_file(TRACEFS_MOUNT "/set_ftrace_filter", "target\n", 7);
	write_file(TRACEFS_MOUNT "/current_tracer", "function_graph\n", 15);
}
BENCH(bench_graph, .name = "the same with function_graph, both events written", .setup = graph_on,
      .once = target, .teardown = trace_off);
