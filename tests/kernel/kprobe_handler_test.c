/* Handlers of a probe: before and after the instruction, seeing and changing its registers, as long as it is armed. */
#include "arch/x86/mm/text_poke.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

CODE(sums, "", "addq %r9, %r8", "", "");
CODE(calls_sums, "", "call sums", "", "");
CODE(flags_pushed, "", "pushfq", "popq %rax", "");

static struct {
	unsigned pre, post;
	struct pt_regs at_pre, at_post;
} seen;

static void on_pre(struct kprobe *p, struct pt_regs *regs)
{
	seen.pre++;
	seen.at_pre = *regs;
}
static void on_post(struct kprobe *p, struct pt_regs *regs)
{
	seen.post++;
	seen.at_post = *regs;
}

static struct machine run(const u8 *code)
{
	struct machine m = machine_pattern;

	m.flags = 0x202;
	machine_run(&m, code);
	return m;
}

KTEST(kprobe, post_sees_what_the_instruction_did)
{
	struct kprobe p = { .addr = sums_at[0], .pre = on_pre, .post = on_post };

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	run(sums);
	probe_off(&p);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(seen.at_pre.r8, machine_pattern.r8);
	EXPECT_EQ(seen.at_pre.ip, sums_at[0]);
	EXPECT_EQ(seen.at_post.r8, machine_pattern.r8 + machine_pattern.r9);
	EXPECT_EQ(seen.at_post.ip, sums_at[1]);
	EXPECT(seen.at_post.flags & X86_EFLAGS_IF);
	EXPECT(!(seen.at_post.flags & X86_EFLAGS_TF));
	EXPECT(seen.at_post.flags & 1); /* the sum carries */
}

KTEST(kprobe, post_of_a_call_is_at_its_target)
{
	struct kprobe p = { .addr = calls_sums_at[0], .post = on_post };

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	run(calls_sums);
	probe_off(&p);
	EXPECT_EQ(seen.at_post.ip, sums);
}

KTEST(kprobe, post_of_an_emulated_instruction_runs)
{
	struct kprobe p = { .addr = flags_pushed_at[0], .pre = on_pre, .post = on_post };
	struct machine m;

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(kprobe_technique_of(&p), KPROBE_EMULATE);
	m = run(flags_pushed);
	probe_off(&p);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(seen.at_post.ip, flags_pushed_at[1]);
	EXPECT_EQ(m.ax, 0x202);
}

/* What pre changes in the registers is what the instruction works on. */
static void set_r8(struct kprobe *p, struct pt_regs *regs) { regs->r8 = 40; }

KTEST(kprobe, pre_may_change_registers)
{
	struct kprobe p = { .addr = sums_at[0], .pre = set_r8 };

	if (!probe_on(&p))
		return;
	EXPECT_EQ(run(sums).r8, machine_pattern.r9 + 40);
	probe_off(&p);
}

KTEST(kprobe, a_disarmed_probe_is_not_there)
{
	struct kprobe p = { .addr = sums_at[0] };
	u8 text = *sums;

	if (!probe_on(&p))
		return;
	EXPECT_EQ(*(volatile u8 *)sums, INT3_BYTE);
	run(sums);
	kprobe_disarm(&p);
	EXPECT_EQ(*(volatile u8 *)sums, text);
	run(sums);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT_EQ(kprobe_arm(&p), 0); /* twice is once */
	run(sums);
	EXPECT_EQ(p.hits, 2);
	probe_off(&p);
	EXPECT_EQ(*(volatile u8 *)sums, text);
	run(sums);
	EXPECT_EQ(p.hits, 2);
}

CODE(goes_on, "xorl %eax, %eax", "incq %rax", "incq %rax", "");

static void skip(struct kprobe *p, struct pt_regs *regs) { regs->ip = goes_on_at[1]; }

KTEST(kprobe, pre_may_send_it_elsewhere)
{
	struct kprobe p = { .addr = goes_on_at[0], .pre = skip, .post = on_post };

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(run(goes_on).ax, 1); /* the second inc only */
	probe_off(&p);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(seen.post, 0);
}

CODE(faults, "xorl %eax, %eax", "movq (%r8), %r9", "incq %rax", "");

static u64 fault_vector;

static bool mend(struct kprobe *p, struct pt_regs *regs)
{
	fault_vector = regs->vector;
	EXPECT_EQ(regs->ip, p->addr);
	regs->ip = faults_at[1];
	regs->r9 = 5;
	return true;
}

/* By each technique that runs a copy: a fault in it is the original's, and the handler's to mend. */
KTEST(kprobe, a_handler_for_faults)
{
	static const enum kprobe_technique copies[] = { KPROBE_STEP, KPROBE_INT3, KPROBE_BOOST };

	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		struct kprobe p = { .addr = faults_at[0], .fault = mend, .technique = copies[i] };
		struct cpu_accounts before;
		struct machine m;

		fault_vector = 0;
		if (!probe_on(&p))
			return;
		preempt_disable();
		before = accounts_now();
		m = run(faults); /* r8 holds a non-canonical address */
		EXPECT_ACCOUNTS(before);
		preempt_enable();
		probe_off(&p);
		EXPECT_EQ(fault_vector, 13);
		EXPECT_EQ(m.r9, 5);
		EXPECT_EQ(m.ax, 1);
		EXPECT_EQ(p.hits, 1);
	}
}
