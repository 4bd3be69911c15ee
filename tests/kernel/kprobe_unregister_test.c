/* Who takes a place away waits for all that may look at it, also on their way to another. */
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kprobe/internal.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

#define PATIENCE 1000000 /* cpu_relax() */

CODE(passed_by, "", "addq %r9, %r8", "", "");

static noinline void called(void) { barrier(); }

static void count(struct kprobe *p, struct pt_regs *regs) {}

static volatile bool inside, taken;
static bool in_time;

/* As who comes by a call and looks for its place: with interrupts on, and preemption off. */
static int look(void *arg)
{
	preempt_disable();
	inside = true;
	for (unsigned n = 0; !taken && n < PATIENCE; n++)
		cpu_relax();
	in_time = taken;
	preempt_enable();
	return 0;
}

KTEST(kprobe_unregister, a_place_waits_for_who_may_pass_it_in_its_chain)
{
	struct kprobe caller = { .addr = (u64)called, .pre = count, .technique = KPROBE_FTRACE };
	struct kprobe p = { .addr = passed_by_at[0], .pre = count, .technique = KPROBE_STEP };
	struct thread *t;

	if (crowd_cpus() < 2)
		return;
	EXPECT_EQ(thread_set_affinity(1), 0);
	inside = taken = false;
	if (probe_on(&caller) && probe_on(&p)) {
		t = thread_create("look", look, NULL, PRIORITY_DEFAULT, 1u << crowd_next_cpu(0));
		while (!inside)
			cpu_relax();
		probe_off(&p);
		taken = true;
		thread_join(t);
		EXPECT(!in_time);
		called();
		probe_off(&caller);
	}
	thread_set_affinity(CPU_MASK_ALL);
}
