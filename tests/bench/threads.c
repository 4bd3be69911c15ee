/* What it costs to be interrupted, to become another thread, and to be woken. */
#include "arch/x86/cpu/regs.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "sched/thread.h"
#include "tests/bench/bench.h"

#define VECTOR_BENCH 0xe0

static void nothing(void) {}
static void null_setup(void) { vector_set_handler(VECTOR_BENCH, nothing); }
static void null_teardown(void) { vector_set_handler(VECTOR_BENCH, NULL); }
static void null_interrupt(void) { __asm__ volatile("int %0" : : "i"(VECTOR_BENCH)); }
BENCH(bench_null_irq, .name = "an interrupt with an empty handler", .setup = null_setup,
      .once = null_interrupt, .teardown = null_teardown);

static void self_nmi(void)
{
	u64 before = READ_ONCE(nmi_count);

	nmi_send(this_cpu(cpu_number));
	while (READ_ONCE(nmi_count) == before)
		cpu_relax();
}
BENCH(bench_self_nmi, .name = "an NMI to oneself, sent to handled", .once = self_nmi);

static struct thread *partner;
static volatile bool stop;

static int yield_for_ever(void *arg)
{
	while (!stop)
		thread_yield();
	return 0;
}
static void partner_start(void)
{
	stop = false;
	partner =
		thread_create("partner", yield_for_ever, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));
}
static void partner_stop(void)
{
	stop = true;
	thread_join(partner);
}
/* There and back: two switches. */
BENCH(bench_switch, .name = "two context switches, by yielding to an equal", .setup = partner_start,
      .once = thread_yield, .teardown = partner_stop);

static struct wait_queue queue;
static volatile u64 wanted, served;

static int serve(void *arg)
{
	for (;;) {
		wait_event(&queue, stop || served != wanted);
		if (stop)
			return 0;
		served = wanted;
	}
}
static void server_start(void)
{
	stop = false;
	wanted = served = 0;
	wait_queue_init(&queue, "bench");
	partner = thread_create("server", serve, NULL, PRIORITY_HIGH, 1u << this_cpu(cpu_number));
}
static void server_stop(void)
{
	stop = true;
	wake_all(&queue);
	thread_join(partner);
}
/* The higher priority runs before wake_one() comes back, and sleeps again. */
static void wake_and_served(void)
{
	wanted++;
	wake_one(&queue);
}
BENCH(bench_wake, .name = "waking a higher priority: it runs, sleeps, and back", .setup = server_start,
      .once = wake_and_served, .teardown = server_stop);
