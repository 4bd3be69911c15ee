/* Where a probe may not sit: each refusal has its number and its reason, and leaves nothing behind. */
#include "abi/errno.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "mm/kmalloc.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tracefs/tracefs.h"

extern const u8 vector_stubs[], ftrace_caller[], __rodata_start[];

CODE(no_iret, "", "iretq", "", "");
CODE(no_hlt, "", "hlt", "", "");
CODE(no_syscall, "", "syscall", "", "");
CODE(no_int3, "", "int3", "", "");
CODE(no_int, "", "int $0x80", "", "");
CODE(no_mov_ss, "", "movl %eax, %ss", "", "");
CODE(no_ud2, "", "ud2", "", "");
CODE(no_far_ret, "", "lretq", "", "");
CODE(no_popf16, "", "popfw", "", "");
CODE(no_pushf16, "", "pushfw", "", "");
CODE(no_swapgs, "", "swapgs", "", "");
CODE(no_mov_gs, "", "movl %eax, %gs", "", "");
CODE(no_wrmsr, "", "wrmsr", "", "");
CODE(not_code, "nop\n\t.byte 0x06", "nop", "", ""); /* 06 was push es, and is nothing now */
CODE(no_middle, "", "movabsq $0x9090909090909090, %rax", "", "");

static const struct {
	u64 addr;
	int err;
	const char *reason;
} refusals[] = {
	{ (u64)no_middle + 1, -EILSEQ, "not an instruction boundary" },
	{ (u64)no_middle + 2, -EILSEQ, "not an instruction boundary" },
	{ (u64)no_middle + 9, -EILSEQ, "not an instruction boundary" },
	{ (u64)not_code + 2, -EILSEQ, "decoder doesn't know" },
	{ (u64)vector_stubs, -EINVAL, ".entry.text" },
	{ (u64)ftrace_caller, -EINVAL, ".entry.text" },
	{ (u64)do_double_fault, -EINVAL, ".entry.text" },
	{ (u64)do_int3, -EINVAL, ".noinstr.text" },
	{ (u64)rcu_nmi_enter, -EINVAL, ".noinstr.text" },
	{ (u64)kprobe_int3, -EINVAL, ".kprobes.text" },
	{ (u64)text_poke, -EINVAL, ".kprobes.text" },
	{ 0, -EINVAL, "not in kernel text" },
	{ (u64)__rodata_start, -EINVAL, "not in kernel text" },
	{ (u64)&step_depth, -EINVAL, "not in kernel text" },
	{ SLOT_AREA, -EINVAL, "not in kernel text" },
	{ ~0ul, -EINVAL, "not in kernel text" },
	{ (u64)no_iret, -EINVAL, "far branch or iret" },
	{ (u64)no_far_ret, -EINVAL, "far branch or iret" },
	{ (u64)no_hlt, -EINVAL, "hlt" },
	{ (u64)no_syscall, -EINVAL, "system call" },
	{ (u64)no_int3, -EINVAL, "software interrupt" },
	{ (u64)no_int, -EINVAL, "software interrupt" },
	{ (u64)no_mov_ss, -EINVAL, "holds off the trap" },
	{ (u64)no_ud2, -EINVAL, "always faults" },
	{ (u64)no_popf16, -EINVAL, "16-bit flags" },
	{ (u64)no_pushf16, -EINVAL, "16-bit flags" },
	{ (u64)no_swapgs, -EINVAL, "may change GS" },
	{ (u64)no_mov_gs, -EINVAL, "may change GS" },
	{ (u64)no_wrmsr, -EINVAL, "may change GS" },
};

static void count(void *arg, struct kprobe *p) { ++*(unsigned *)arg; }

static unsigned probes_known(void)
{
	unsigned n = 0;

	kprobe_for_each(count, &n);
	return n;
}

static void expect_refused_by(enum kprobe_technique technique, u64 addr, int err, const char *reason)
{
	struct kprobe p = { .addr = addr, .technique = technique };
	const char *why = "";
	int got = kprobe_register(&p, &why);

	if (got != err || !why || !strstr(why, reason))
		ktest_fail(reason, 0, why ? why : "no reason", (u64)(s64)got, (u64)(s64)err);
	if (!got)
		kprobe_unregister(&p);
}

static void expect_refused(u64 addr, int err, const char *reason)
{
	expect_refused_by(KPROBE_AUTO, addr, err, reason);
}

KTEST(kprobe, refusals_have_a_number_and_a_reason)
{
	unsigned before = probes_known();

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		expect_refused(refusals[i].addr, refusals[i].err, refusals[i].reason);
	EXPECT_EQ(probes_known(), before);
}

CODE(taken, "", "movq %rax, %rax", "", "");

KTEST(kprobe, two_at_one_place)
{
	struct kprobe p = { .addr = taken_at[0] }, q = { .addr = taken_at[0] };
	struct machine m = machine_pattern;
	u8 text = *taken;

	m.flags = 2;
	if (!probe_on(&p) || !probe_on(&q))
		return;
	expect_refused(taken_at[0] + 1, -EILSEQ, "boundary"); /* seen through the int3 */
	machine_run(&m, taken);
	kprobe_disarm(&p);
	machine_run(&m, taken);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(q.hits, 2);
	probe_off(&q);
	EXPECT_EQ(*taken, text); /* the one left is disarmed */
	EXPECT_EQ(kprobe_arm(&p), 0);
	machine_run(&m, taken);
	EXPECT_EQ(p.hits, 2);
	EXPECT_EQ(q.hits, 2);
	probe_off(&p);
	EXPECT_EQ(*taken, text);
}

CODE(forced, "", "pushfq", "popq %rax", "");

KTEST(kprobe, a_technique_that_does_not_apply_is_refused)
{
	static const struct {
		const u64 *at;
		enum kprobe_technique technique;
		const char *reason;
	} cases[] = {
		{ forced_at, KPROBE_STEP, "can't be stepped" },
		{ forced_at, KPROBE_BOOST, "it is emulated" },
		{ taken_at, KPROBE_EMULATE, "no emulation" },
	};
	struct kprobe first = { .addr = taken_at[0], .technique = KPROBE_STEP };
	const char *why = "";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused_by(cases[i].technique, *cases[i].at, -EINVAL, cases[i].reason);
	if (kprobe_register(&first, &why) != 0) {
		ktest_fail("kprobe_register", 0, why, 0, 0);
		return;
	}
	expect_refused_by(KPROBE_INT3, taken_at[0], -EBUSY, "another technique");
	kprobe_unregister(&first);
}

static noinline void traced_entry(void) { barrier(); }

static void put(const char *path, const char *text)
{
	EXPECT_EQ(tracefs_write(path, text, strlen(text), false), 0);
}

static void trace_entry(bool on)
{
	put(TRACEFS_MOUNT "/set_ftrace_filter", on ? "traced_entry" : "");
	put(TRACEFS_MOUNT "/current_tracer", on ? "function" : "nop");
}

KTEST(kprobe, an_int3_in_a_traced_entry_is_refused)
{
	struct kprobe p = { .addr = (u64)traced_entry, .technique = KPROBE_STEP };
	const char *why = "";

	EXPECT_EQ(kprobe_register(&p, &why), 0); /* known, but not armed, before the tracer comes */
	trace_entry(true);
	EXPECT_EQ(kprobe_arm(&p), -EBUSY);
	EXPECT(!p.armed);
	traced_entry();
	trace_entry(false);
	EXPECT_EQ(kprobe_arm(&p), 0);
	traced_entry();
	EXPECT_EQ(p.hits, 1);
	kprobe_unregister(&p);
}

/* More nops than a page has slots. */
#define NOPS 300
CODE(many_nops, ".rept 300\n\tnop\n\t.endr", "", "", "");
static struct kprobe *probes[NOPS];

static size_t probe_nops(void)
{
	for (size_t n = 0; n < NOPS; n++) {
		const char *why = "";
		int err;

		probes[n] = kzalloc(sizeof(*probes[n]));
		probes[n]->addr = (u64)many_nops + n;
		err = kprobe_register(probes[n], &why);
		if (err) {
			ktest_fail(why, 0, "refused", (u64)(s64)err, 0);
			kfree(probes[n]);
			return n;
		}
		EXPECT_EQ(kprobe_arm(probes[n]), 0);
	}
	return NOPS;
}

KTEST(kprobe, slots_are_made_as_they_are_needed)
{
	size_t free = kprobe_slots_free(), n = probe_nops();

	EXPECT_EQ(n, NOPS);
	EXPECT_EQ(kprobe_slots_free(), free - n);
	__asm__ volatile("call many_nops" ::: "memory", "cc");
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(probes[i]->hits, 1);
		kprobe_unregister(probes[i]);
		kfree(probes[i]);
	}
	EXPECT_EQ(kprobe_slots_free(), free);
	for (size_t i = 0; i < NOPS; i++)
		EXPECT_EQ(many_nops[i], 0x90);
}
