/* Probes that the function tracer's call hits: what they see and may change, and who else may be at the site. */
#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "tests/kernel/probe.h"
#include "trace/black_box.h"
#include "tracefs/tracefs.h"

static noinline u64 doubles(u64 a, u64 b)
{
	barrier();
	return 2 * a + b;
}

static struct {
	unsigned pre, post;
	struct pt_regs regs;
	u32 context;
	u64 parent;
} seen;

static void on_pre(struct kprobe *p, struct pt_regs *regs)
{
	seen.pre++;
	seen.regs = *regs;
	seen.context = kprobe_context(regs);
	seen.parent = *(u64 *)regs->sp;
}

static void on_post(struct kprobe *p, struct pt_regs *regs)
{
	seen.post++;
	EXPECT_EQ(regs->ip, (u64)doubles + SITE_SIZE);
}

KTEST(kprobe, an_entry_is_probed_without_a_trap)
{
	struct kprobe p = { .addr = (u64)doubles, .pre = on_pre, .post = on_post };
	struct cpu_accounts before = accounts_now();
	u32 mark;

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(kprobe_technique_of(&p), KPROBE_FTRACE);
	mark = black_box_mark();
	EXPECT_EQ(doubles(3, 4), 10);
	for (u32 n = mark; n != black_box_mark(); n++)
		EXPECT(box_record(n).vector >= 32); /* at most an interrupt came */
	probe_off(&p);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(p.nmissed, 0);
	EXPECT_EQ(seen.regs.ip, doubles);
	EXPECT_EQ(seen.regs.di, 3);
	EXPECT_EQ(seen.regs.si, 4);
	EXPECT_EQ(seen.regs.vector, VECTOR_NONE);
	EXPECT_EQ(seen.regs.cs, 8);
	EXPECT(seen.regs.flags & X86_EFLAGS_IF);
	EXPECT_EQ(seen.context, before.context_word);
	EXPECT_ACCOUNTS(before);
}

static void more(struct kprobe *p, struct pt_regs *regs) { regs->di += 10; }
static u64 other(u64 a, u64 b) { return a * b; }
static void elsewhere(struct kprobe *p, struct pt_regs *regs) { regs->ip = (u64)other; }

KTEST(kprobe, at_an_entry_registers_and_ip_may_be_changed)
{
	struct kprobe p = { .addr = (u64)doubles, .pre = more, .technique = KPROBE_FTRACE };
	struct kprobe q = {
		.addr = (u64)doubles, .pre = elsewhere, .post = on_post, .technique = KPROBE_FTRACE
	};

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(doubles(3, 4), 30);
	if (probe_on(&q)) {
		EXPECT_EQ(doubles(3, 4), 52); /* 13 * 4 */
		EXPECT_EQ(seen.post, 0);
		probe_off(&q);
	}
	probe_off(&p);
}

static void call_itself(struct kprobe *p, struct pt_regs *regs) { seen.parent += doubles(1, 1); }

KTEST(kprobe, an_entry_hit_by_its_own_handler)
{
	struct kprobe p = { .addr = (u64)doubles, .pre = call_itself, .technique = KPROBE_FTRACE };
	struct cpu_accounts before = accounts_now();

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(doubles(3, 4), 10);
	probe_off(&p);
	EXPECT_EQ(seen.parent, 3);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(p.nmissed, 1);
	EXPECT_ACCOUNTS(before);
}

static void count_calls(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	seen.post++;
	EXPECT_EQ(frame->ip, (u64)doubles + SITE_SIZE);
	EXPECT_EQ(frame->parent, parent_ip);
}

/* Another consumer comes and goes; each sees every call while it is there, and the call leads where it must. */
KTEST(kprobe, an_entry_is_shared_with_consumers_of_its_site)
{
	static struct ftrace_ops ops = { .func = count_calls };
	struct kprobe p = { .addr = (u64)doubles, .pre = on_pre };
	const struct ftrace_site *site = ftrace_site_at((u64)doubles);

	memset(&seen, 0, sizeof(seen));
	EXPECT_EQ(ftrace_set_filter(&ops, "doubles", true), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	if (!probe_on(&p))
		return;
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(seen.regs.di, 3);
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 3);
	EXPECT_EQ(seen.post, 2);
	probe_off(&p);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 3);
	EXPECT_EQ(seen.post, 3);
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	EXPECT_EQ(site->ops, 0);
	EXPECT_EQ(site->patched, 0);
	ftrace_free_filter(&ops);
}

/* One that another technique is asked for later: the text follows. */
KTEST(kprobe, an_entry_changes_its_technique_with_its_probes)
{
	struct kprobe p = { .addr = (u64)doubles, .pre = on_pre };
	struct kprobe q = { .addr = (u64)doubles, .pre = on_pre, .technique = KPROBE_STEP };
	u8 text = *(u8 *)doubles;

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	EXPECT_EQ(*(volatile u8 *)doubles, CALL32_BYTE);
	if (!probe_on(&q))
		return;
	EXPECT_EQ(kprobe_technique_of(&p), KPROBE_STEP);
	EXPECT_EQ(*(volatile u8 *)doubles, INT3_BYTE);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 2);
	probe_off(&q);
	EXPECT_EQ(*(volatile u8 *)doubles, CALL32_BYTE);
	EXPECT_EQ(doubles(3, 4), 10);
	EXPECT_EQ(seen.pre, 3);
	probe_off(&p);
	EXPECT_EQ(*(volatile u8 *)doubles, text);
}

/* One whose entry is traced has no other way than the tracer's call: neither a probe nor the file gets it another, and its probe stays hit. */
KTEST(kprobe, a_traced_entry_keeps_its_technique)
{
	static struct ftrace_ops ops = { .func = count_calls };
	struct kprobe p = { .addr = (u64)doubles, .pre = on_pre };
	struct kprobe q = { .addr = (u64)doubles, .pre = on_pre, .technique = KPROBE_STEP };
	const char *why = "";

	memset(&seen, 0, sizeof(seen));
	EXPECT_EQ(ftrace_set_filter(&ops, "doubles", true), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	if (probe_on(&p)) {
		EXPECT_EQ(kprobe_register(&q, &why), -EBUSY);
		EXPECT(strstr(why, "tracer"));
		EXPECT_EQ(doubles(3, 4), 10);
		EXPECT_EQ(seen.pre, 1);
		EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "step", 4, false), 0);
		EXPECT_EQ(kprobe_technique_of(&p), KPROBE_FTRACE);
		EXPECT_EQ(doubles(3, 4), 10);
		EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "auto", 4, false), 0);
		EXPECT_EQ(doubles(3, 4), 10);
		EXPECT_EQ(seen.pre, 3);
		EXPECT_EQ(seen.post, 3);
		probe_off(&p);
	}
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	EXPECT_EQ(ftrace_site_at((u64)doubles)->patched, 0);
}
