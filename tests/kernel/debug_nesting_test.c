/* #DB inside #DB inside #DB: each on the interrupted stack, so that none overwrites the one before. */
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "kernel/traps.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "trace/black_box.h"

#define LEVELS	  8
#define NMI_LEVEL 5 /* this one is reached through an NMI */

CODE(nest_step, "", "incq %rax", "", "");

static struct {
	unsigned level;
	u64 sums;
	unsigned debug_traps, nmi_traps, misplaced; /* alive at the deepest point */
	unsigned nmi_depth;
} nest;

static void look_around(void)
{
	nest.nmi_depth = nmi_depth();
	for (struct trap_record *t = trap_top; t; t = t->outer) {
		const struct kstack *stack = stack_of((u64)t->regs);

		nest.debug_traps += t->regs->vector == X86_TRAP_DB;
		nest.nmi_traps += t->regs->vector == X86_TRAP_NMI;
		nest.misplaced += stack != own_stack(STACK_TASK) && stack != &kstacks[STACK_NMI];
	}
}

static u64 step_once(void)
{
	u64 ax = 0;

	__asm__ volatile("call nest_step" : "+a"(ax)::"memory", "cc");
	return ax;
}

/*
 * The post handler runs inside #DB. The guard would keep its nested hits from their handlers; it is
 * opened here, as a policy of no guard would, to get one level deeper each time.
 */
static void go_deeper(struct kprobe *p, struct pt_regs *regs)
{
	u32 bits = guard_bits;

	if (++nest.level == LEVELS) {
		look_around();
		return;
	}
	guard_bits = 0;
	if (nest.level == NMI_LEVEL - 1) {
		nmi_expect(this_cpu(cpu_number));
		__asm__ volatile("int $2");
	} else {
		nest.sums += step_once();
	}
	guard_bits = bits;
}

KTEST(debug, nests_eight_deep_one_level_from_an_nmi)
{
	struct kprobe step = { .addr = nest_step_at[0], .post = go_deeper, .technique = KPROBE_STEP };
	struct kprobe nmi = { .addr = (u64)nmi_arrived, .post = go_deeper, .technique = KPROBE_STEP };
	struct cpu_accounts before = accounts_now();
	u64 nmis = nmi_count;

	memset(&nest, 0, sizeof(nest));
	kprobe_unsafe = true; /* nmi_arrived() is hidden: an int3 in there lets in the next NMI */
	if (!probe_on(&step) || !probe_on(&nmi))
		return;
	EXPECT_EQ(step_once(), 1);
	probe_off(&nmi);
	probe_off(&step);
	kprobe_unsafe = false;
	EXPECT_EQ(nest.level, LEVELS);
	EXPECT_EQ(nest.debug_traps, LEVELS);
	EXPECT_EQ(nest.nmi_traps, 1);
	EXPECT_EQ(nest.misplaced, 0);
	EXPECT_EQ(nest.nmi_depth, LEVELS + 1);
	EXPECT_EQ(nest.sums, LEVELS - 2); /* every nested instruction did its work, once */
	EXPECT_EQ(nmi_count, nmis + 1);
	EXPECT_EQ(step.hits, LEVELS - 1);
	EXPECT_EQ(nmi.hits, 1);
	EXPECT_ACCOUNTS(before);
	EXPECT(!trap_top);
}
