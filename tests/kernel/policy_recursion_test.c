/* Recursions that a policy lets happen: each of them ends, and what it came in the middle of goes on. */
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "context/recover.h"
#include "ftrace/ftrace.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "kprobe/bust.h"
#include "kprobe/kretprobe.h"
#include "lib/printf.h"
#include "tests/kernel/policy_scene.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/black_box.h"
#include "trace/policy.h"
#include "tracefs/tracefs.h"

#define CALLS 7
#define IRQ   5

static volatile u64 hits;
static void count_hit(struct kprobe *p, struct pt_regs *regs) { hits++; }

static void write_policy(const char *file, const char *text)
{
	char path[TRACEFS_PATH_MAX];

	snprintf(path, sizeof(path), TRACEFS_MOUNT "/recursion/%s", file);
	EXPECT_EQ(tracefs_write(path, text, strlen(text), false), 0);
}

/* One call of policed() by no policy at all recurses, and is given up: what it was in the middle of isn't. */
static void expect_given_up(void)
{
	struct cpu_accounts was;
	u64 count = given_up.count;
	bool off;

	write_policy("policy", "none");
	preempt_disable();
	was = accounts_now();
	policed();
	EXPECT_ACCOUNTS(was);
	EXPECT_EQ(given_up.count, count + 1);
	EXPECT(given_up.depth > 15);
	EXPECT(given_up.stack > TASK_STACK_SIZE / 2);
	off = instruments_off;
	for (int i = 0; i < CALLS; i++)
		policed();
	EXPECT_EQ(given_up.count, count + 1);
	EXPECT(off);
	EXPECT_EQ((u64)this_cpu(recovery_top), 0);
	preempt_enable();
	EXPECT(irqs_enabled());
	write_policy("policy", "context");
	EXPECT(!instruments_off);
}

KTEST(policy, a_callbacks_recursion_is_given_up)
{
	for (unsigned i = 0; i < stressed(3); i++) {
		policy_begin(POLICY_CONTEXT);
		write_policy("consumer", "policed");
		policed();
		EXPECT_EQ(policy_dropped(GUARD_FUNCTION), 1);
		expect_given_up();
		EXPECT_EQ(policy_dropped(GUARD_FUNCTION), 1 + 1 + CALLS);
		write_policy("consumer", "");
		policy_end();
	}
}

static void hit_again(struct kprobe *p, struct pt_regs *regs) { policed(); }

/* Without a trap in it, a probe's is one of calls, too. */
static void probe_given_up(enum kprobe_technique technique, u64 offset)
{
	struct kprobe p = { .addr = (u64)policed + offset, .pre = hit_again, .technique = technique };

	policy_begin(POLICY_CONTEXT);
	if (probe_on(&p)) {
		kprobe_settle();
		expect_given_up();
		p.hits = 0;
		policed();
		EXPECT_EQ(p.hits, 1);
		probe_off(&p);
	}
	policy_end();
}

KTEST(policy, a_probes_recursion_is_given_up)
{
	for (unsigned i = 0; i < stressed(3); i++) {
		probe_given_up(KPROBE_FTRACE, 0);
		probe_given_up(KPROBE_JUMP, SITE_SIZE);
	}
}

static void return_again(struct kretprobe_instance *ri, struct pt_regs *regs) { policed(); }

KTEST(policy, a_return_probes_recursion_is_given_up)
{
	struct kretprobe rp = { .kp.addr = (u64)policed, .handler = return_again, .maxactive = 1000 };
	const char *why;

	for (unsigned i = 0; i < stressed(3); i++) {
		policy_begin(POLICY_CONTEXT);
		EXPECT_EQ(kretprobe_register(&rp, &why), 0);
		EXPECT_EQ(kretprobe_arm(&rp), 0);
		expect_given_up();
		kretprobe_unregister(&rp);
		policy_end();
	}
}

/* One by int3 is one of traps: busted, as ever. */
KTEST(policy, a_recursion_of_int3s_is_busted)
{
	for (unsigned i = 0; i < stressed(3); i++) {
		struct kprobe p = { .addr = (u64)policed + SITE_SIZE,
				    .pre = hit_again,
				    .technique = KPROBE_INT3 };
		u64 busts = bust_count;

		policy_begin(POLICY_NONE);
		if (probe_on(&p)) {
			struct cpu_accounts was;

			preempt_disable();
			was = accounts_now();
			policed();
			EXPECT_ACCOUNTS(was);
			preempt_enable();
			EXPECT_EQ(bust_count, busts + 1);
			EXPECT(!p.armed);
			probe_off(&p);
		}
		policy_end();
	}
}

/* The same of a callback in an interrupt, and in an NMI: these go on, and what they came in the middle of does, too. */
static void call_once(void) { policed(); }
static void count_nmi(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	policed();
}

KTEST(policy, recursions_in_interrupts_and_nmis_are_given_up)
{
	static struct ftrace_ops ops = { .func = count_nmi, .flags = FTRACE_OPS_FL_RECURSION };
	u64 count = given_up.count;

	irq_set_handler(IRQ, call_once);
	pic_mask(IRQ);
	policy_begin(POLICY_NONE);
	write_policy("consumer", "policed");
	__asm__ volatile("int $0x25" ::: "memory");
	EXPECT_EQ(given_up.count, count + 1);
	write_policy("consumer", "");

	EXPECT_EQ(ftrace_set_filter(&ops, "nmi_arrived", true), 0);
	EXPECT_EQ(ftrace_set_filter(&ops, "policed", false), 0);
	policy_set(POLICY_NONE);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2" ::: "memory");
	EXPECT_EQ(given_up.count, count + 2);
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	policy_end();
	EXPECT_EQ(context_read() & ~CONTEXT_NO_RESCHED, 0);
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
}

/* The deepest vector of this CPU since the record @mark. */
static u32 deepest_since(u32 mark)
{
	u32 deepest_vector = 0, end = black_box_mark();

	for (; mark < end; mark++)
		deepest_vector = max(deepest_vector, (u32)box_record(mark).depth);
	return deepest_vector;
}

/*
 * Of two probes the second is hit by the handling of the first. With the flag asked before RCU is told, its instruction is run, and no more; else
 * all of the stack is taken.
 */
static void hit_in_rcu_nmi_enter(enum kprobe_technique technique, bool first_asked)
{
	struct kprobe first = { .addr = (u64)policed + SITE_SIZE,
				.pre = count_hit,
				.technique = KPROBE_INT3 };
	struct kprobe rcu = { .addr = (u64)rcu_nmi_enter, .pre = count_hit, .technique = technique };
	u64 busts = bust_count;
	struct cpu_accounts was;
	u32 mark;

	policy_begin(POLICY_FLAG);
	write_policy("flag_at", first_asked ? "before" : "after");
	kprobe_unsafe = true;
	hits = 0;
	if (probe_on(&rcu)) {
		if (probe_on(&first)) {
			preempt_disable();
			was = accounts_now();
			mark = black_box_mark();
			policed();
			EXPECT(first_asked ? deepest_since(mark) == 2 : deepest_since(mark) > 20);
			EXPECT_ACCOUNTS(was);
			preempt_enable();
			EXPECT_EQ(bust_count, busts + !first_asked);
			EXPECT_EQ(hits, first_asked); /* busted, the first is disarmed before its handler */
			EXPECT(!first_asked || (rcu.nmissed && policy_dropped(GUARD_KPROBE) == 1));
			probe_off(&first);
		}
		probe_off(&rcu);
	}
	kprobe_unsafe = false;
	write_policy("flag_at", "after");
	policy_end();
}

KTEST(policy, a_flag_that_is_asked_first_ends_the_recursion_at_depth_two)
{
	hit_in_rcu_nmi_enter(KPROBE_STEP, true);
	hit_in_rcu_nmi_enter(KPROBE_INT3, true);
	hit_in_rcu_nmi_enter(KPROBE_BOOST, true);
	for (unsigned i = 0; i < stressed(3); i++)
		hit_in_rcu_nmi_enter(KPROBE_STEP, false);
}
