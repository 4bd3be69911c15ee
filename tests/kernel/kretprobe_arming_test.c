/* Return probes armed and disarmed while others call: from the first hit on a return is seen, and after the last nothing runs. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "kprobe/kretprobe.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"

static bool enough, inside;
static u64 returns;

static noinline u64 called(u64 n)
{
	barrier();
	return n + 1;
}

/* On all CPUs but the one that arms. */
static int calls_on(void *cpu)
{
	while (cpu && !READ_ONCE(enough)) {
		called((u64)cpu);
		cpu_relax();
	}
	return 0;
}

static void count(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	__atomic_fetch_add(&returns, 1, __ATOMIC_RELAXED);
}

static bool slowly(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(inside, true);
	for (unsigned i = 0; i < 200000; i++)
		cpu_relax();
	WRITE_ONCE(inside, false);
	return false;
}

static void begin(struct kretprobe *rp, enum kprobe_technique t)
{
	const char *why = NULL;

	rp->kp.addr = (u64)called;
	rp->kp.technique = t;
	rp->handler = count;
	enough = inside = false;
	returns = 0;
	EXPECT_EQ(thread_set_affinity(1), 0);
	crowd_start(calls_on, 1);
	EXPECT_EQ(kretprobe_register(rp, &why), 0);
	EXPECT_EQ(kretprobe_arm(rp), 0);
}

/* The emulator's CPUs may go on with what they have translated before, and look when it is written once more (docs/TRICKS.md). */
static void wait_for_hits(struct kretprobe *rp, u64 n)
{
	while (crowd_cpus() > 1 && READ_ONCE(rp->kp.hits) < n) {
		text_refresh(called);
		cpu_relax();
	}
}

static void end(void)
{
	WRITE_ONCE(enough, true);
	crowd_join();
	EXPECT_EQ(thread_set_affinity(CPU_MASK_ALL), 0);
}

static const enum kprobe_technique ways[] = { KPROBE_AUTO, KPROBE_EMULATE };

KTEST(kretprobe, arming_loses_no_return)
{
	for (unsigned i = 0; i < stressed(10); i++) {
		struct kretprobe rp = { .maxactive = 100 };

		begin(&rp, ways[i % 2]);
		wait_for_hits(&rp, 10);
		end();
		EXPECT_EQ(returns + rp.nmissed, rp.kp.hits);
		kretprobe_unregister(&rp);
	}
}

KTEST(kretprobe, no_handler_runs_after_disarming)
{
	for (unsigned i = 0; i < stressed(4); i++) {
		struct kretprobe rp = { .entry = slowly };

		begin(&rp, ways[i % 2]);
		wait_for_hits(&rp, 1);
		kretprobe_disarm(&rp);
		EXPECT(!READ_ONCE(inside));
		end();
		kretprobe_unregister(&rp);
	}
}
