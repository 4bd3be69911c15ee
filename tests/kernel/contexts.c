/* Every context that a CPU can be in, on purpose. */
#include "tests/kernel/contexts.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"
#include "context/context.h"
#include "context/watch.h"
#include "kernel/traps.h"
#include "lib/ktest.h"
#include "sched/thread.h"
#include "tests/kernel/ring3.h"
#include "tests/kernel/probe.h"

__kprobes u32 steps_now(void) { return this_cpu(step_depth); }

#define VECTOR 0xe0 /* nobody else's */

void in_thread(void (*event)(void)) { event(); }
void with_irqs_off(void (*event)(void))
{
	u64 flags = local_irq_save();

	event();
	local_irq_restore(flags);
}

static void (*in_handler)(void);
static bool handled;
static void handler(void)
{
	in_handler();
	WRITE_ONCE(handled, true);
}
/* With interrupts off it is still to come, and comes as soon as they are on. */
void send_irq(void (*fn)(void))
{
	handled = false;
	in_handler = fn;
	vector_set_handler(VECTOR, handler);
	apic_send_self(VECTOR);
}
void in_irq(void (*event)(void))
{
	send_irq(event);
	while (!READ_ONCE(handled))
		cpu_relax();
}

/* Idle but for the halt. */
void in_idle(void (*event)(void))
{
	preempt_disable();
	local_irq_disable();
	rcu_idle_enter();
	event();
	rcu_idle_exit();
	local_irq_enable();
	preempt_enable();
}
void in_irq_in_idle(void (*event)(void))
{
	preempt_disable();
	local_irq_disable();
	send_irq(event);
	cpu_idle();
	preempt_enable();
}

/* Another CPU. */

u32 other_cpu;
static bool arrived, stop;

static int spin(void *arg)
{
	WRITE_ONCE(arrived, true);
	while (!READ_ONCE(stop))
		cpu_relax();
	return 0;
}
static int spin_in_ring3(void *arg) { return ring3_run(ring3_spin, 0) != X86_TRAP_UD; }

static struct thread *start_there(int (*fn)(void *))
{
	struct thread *t;

	arrived = stop = false;
	t = thread_create("there", fn, NULL, PRIORITY_DEFAULT, 1u << other_cpu);
	EXPECT(t);
	return t;
}
void other_in_thread(void (*event)(void))
{
	struct thread *t = start_there(spin);

	while (t && !READ_ONCE(arrived))
		cpu_relax();
	event();
	WRITE_ONCE(stop, true);
	if (t)
		thread_join(t);
}
void other_in_user(void (*event)(void))
{
	struct thread *t = start_there(spin_in_ring3);

	if (!t)
		return;
	ring3_wait(other_cpu);
	event();
	ring3_wait(other_cpu); /* it goes on there */
	ring3_leave(other_cpu);
	EXPECT_EQ(thread_join(t), 0);
}
