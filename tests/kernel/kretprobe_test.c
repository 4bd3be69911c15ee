/* Return probes: each call that is hooked has its handler called once, at its return; what it sees, and how many can be open. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/graph.h"
#include "mm/frames.h"
#include "tests/kernel/kretprobe_calls.h"
#include "tests/kernel/machine.h"

static struct pt_regs at_return, at_entry;
static struct kretprobe_instance seen;
static u32 context_seen, context_within;

static bool at_entry_too(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	at_entry = *regs;
	ri->data = regs->di + 100;
	EXPECT(ri->ret_addr - (u64)sum_of_both < 4096 || ri->ret_addr - (u64)doubled_and_one < 4096);
	return regs->di != 13;
}
static void look(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	note_return(ri, regs);
	seen = *ri;
	at_return = *regs;
	context_seen = kprobe_context(regs);
	context_within = context_read();
	EXPECT(!irqs_enabled());
	EXPECT(!in_nmi());
}

EACH_WAY(handlers_see_the_call_and_its_result)
{
	struct kretprobe rp = HANDLED(doubled, look, .entry = at_entry_too);
	struct cpu_accounts before = accounts_now();

	if (!ret_on(&rp))
		return;
	EXPECT_EQ(doubled_and_one(21), 43);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(calls[0].result, 42);
	EXPECT_EQ(seen.data, 121);
	EXPECT_EQ(seen.rp, &rp);
	EXPECT_EQ(at_return.ip, seen.ret_addr);
	EXPECT_EQ(at_return.sp, at_entry.sp + 8);
	EXPECT_EQ(at_return.bp, at_entry.bp);
	EXPECT(at_return.flags & X86_EFLAGS_IF);
	EXPECT_EQ(context_seen, before.context_word);
	EXPECT_EQ(context_within, before.context_word + PREEMPT_ONE);
	EXPECT(irqs_enabled());
	/* It isn't hooked when the entry handler says so; and that isn't a miss. */
	EXPECT_EQ(doubled_and_one(13), 27);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(rp.kp.hits, 2);
	EXPECT_EQ(rp.nmissed, 0);
	EXPECT_ACCOUNTS(before);
	kretprobe_unregister(&rp); /* it may wait, and an idle CPU counts, too */
	EXPECT_EQ(doubled_and_one(21), 43);
	EXPECT_EQ(nr_calls, 1);
	EXPECT(stack_is_as_before());
}

static void change(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	regs->ax = 7;
	regs->dx = 8;
}
struct pair {
	u64 first, second; /* in rax and rdx */
};
static __attribute__((noipa)) struct pair pair_of(u64 a, u64 b) { return (struct pair){ a, b }; }

EACH_WAY(the_result_can_be_changed)
{
	struct kretprobe rp = HANDLED(pair_of, change);
	struct pair p;

	if (!ret_on(&rp))
		return;
	p = pair_of(1, 2);
	kretprobe_unregister(&rp);
	EXPECT_EQ(p.first, 7);
	EXPECT_EQ(p.second, 8);
	p = pair_of(1, 2);
	EXPECT_EQ(p.first, 1);
	EXPECT_EQ(p.second, 2);
}

/* With a site, as all that may have a return probe. At a call rax, r10 and r11 mean nothing: what hooks its return may change them. */
CODE(leaves_all, ".byte 0x0f, 0x1f, 0x44, 0, 0", "leaq 1(%rdx), %rax", "",
     ".pushsection __mcount_loc, \"a\", @progbits\n.quad leaves_all\n.popsection\n");

EACH_WAY(all_registers_are_there_and_survive)
{
	struct kretprobe rp = HANDLED(leaves_all, look);
	struct machine m = machine_pattern, plain = machine_pattern;

	m.flags = plain.flags = 0x202;
	machine_run(&plain, leaves_all);
	if (!ret_on(&rp))
		return;
	machine_run(&m, leaves_all);
	kretprobe_unregister(&rp);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(at_return.ax, plain.ax);
	EXPECT_EQ(at_return.dx, plain.dx);
	EXPECT_EQ(at_return.cx, plain.cx);
	EXPECT_EQ(at_return.si, plain.si);
	EXPECT_EQ(at_return.di, plain.di);
	EXPECT_EQ(at_return.bx, plain.bx);
	EXPECT_EQ(at_return.bp, plain.bp);
	EXPECT_EQ(memcmp(&at_return.r15, (u64[]){ plain.r15, plain.r14, plain.r13, plain.r12 }, 32), 0);
	EXPECT_EQ(at_return.r8, plain.r8);
	EXPECT_EQ(at_return.r9, plain.r9);
	if (ret_way == KPROBE_EMULATE) {
		EXPECT_EQ(at_return.r10, plain.r10);
		EXPECT_EQ(at_return.r11, plain.r11);
	}
	/* What the caller counts on. */
	EXPECT_EQ(m.ax, plain.ax);
	EXPECT_EQ(m.dx, plain.dx);
	EXPECT_EQ(m.bx, plain.bx);
	EXPECT_EQ(m.bp, plain.bp);
	EXPECT_EQ(m.sp, plain.sp);
	EXPECT_EQ(memcmp(&m.r12, &plain.r12, 4 * sizeof(u64)), 0);
	EXPECT_EQ(m.flags & 0x600, plain.flags & 0x600);
}

EACH_WAY(calls_nest)
{
	struct kretprobe inner = PROBE_ON(doubled), middle = PROBE_ON(doubled_and_one),
			 outer = PROBE_ON(sum_of_both);
	const struct kretprobe *const order[] = { &inner, &inner, &middle, &outer };

	if (!ret_on(&outer))
		return;
	if (ret_on(&middle)) {
		if (ret_on(&inner)) {
			EXPECT_EQ(sum_of_both(3), 13);
			EXPECT(stack_is_as_before());
			kretprobe_unregister(&inner);
		}
		kretprobe_unregister(&middle);
	}
	kretprobe_unregister(&outer);
	EXPECT_EQ(nr_calls, 4);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_EQ(calls[i].rp, order[i]);
	EXPECT_EQ(calls[3].result, 13);
}

static noinline u64 sum_to(u64 n)
{
	u64 below = n ? sum_to(n - 1) : 0;

	barrier();
	return below + n;
}

#define ROOM (4096 / sizeof(struct graph_entry) - 1)

/* The innermost returns first; those that there was no room for on the thread's stack of returns are counted. */
EACH_WAY(recursion_as_deep_as_the_stack_of_returns)
{
	struct kretprobe rp = PROBE_ON(sum_to, .maxactive = 100);

	if (!ret_on(&rp))
		return;
	EXPECT_EQ(sum_to(ROOM + 10 - 1), (ROOM + 10) * (ROOM + 9) / 2);
	EXPECT_EQ(nr_calls, ROOM);
	EXPECT_EQ(rp.nmissed, 10);
	EXPECT_EQ(rp.kp.hits, ROOM + 10);
	for (u64 i = 0; i < ROOM; i++)
		EXPECT_EQ(calls[i].result, (i + 10) * (i + 11) / 2);
	EXPECT(stack_is_as_before());
	EXPECT_EQ(sum_to(0), 0);
	EXPECT_EQ(nr_calls, ROOM + 1);
	kretprobe_unregister(&rp);
}

EACH_WAY(more_calls_than_maxactive_are_missed)
{
	struct kretprobe rp = PROBE_ON(sum_to, .maxactive = 3);

	if (!ret_on(&rp))
		return;
	for (int i = 1; i <= 2; i++) {
		EXPECT_EQ(sum_to(4), 10);
		EXPECT_EQ(nr_calls, 3 * i);
		EXPECT_EQ(rp.nmissed, 2 * i);
	}
	EXPECT_EQ(calls[0].result, 3); /* of the third: the two inner ones aren't hooked */
	kretprobe_unregister(&rp);
	rp.maxactive = 0;
	if (!ret_on(&rp))
		return;
	EXPECT_EQ(rp.maxactive, 10);
	kretprobe_unregister(&rp);
}

static unsigned entries;
static void count_entry(struct kprobe *p, struct pt_regs *regs) { entries++; }
static void count_post(struct kprobe *p, struct pt_regs *regs) { entries += 100; }

/* The last that hooked is the first called. */
EACH_WAY(several_and_a_probe_at_one_entry)
{
	struct kretprobe first = PROBE_ON(doubled), second = PROBE_ON(doubled),
			 behind = PROBE_ON((u64)doubled + SITE_SIZE);
	struct kprobe p = { .addr = (u64)doubled, .pre = count_entry, .post = count_post };

	entries = 0;
	if (!ret_on(&first))
		return;
	if (probe_on(&p)) {
		if (ret_on(&second)) {
			EXPECT_EQ(doubled(4), 8);
			EXPECT_EQ(nr_calls, 2);
			EXPECT_EQ(calls[0].rp, &second);
			EXPECT_EQ(calls[1].rp, &first);
			if (ret_on(&behind)) {
				EXPECT_EQ(doubled(4), 8);
				EXPECT_EQ(nr_calls, 3);
				EXPECT_EQ(calls[0].rp, &behind);
				kretprobe_unregister(&behind);
			}
			EXPECT(stack_is_as_before());
			kretprobe_unregister(&second);
		}
		probe_off(&p);
	}
	EXPECT_EQ(entries, 202);
	EXPECT_EQ(doubled(4), 8);
	EXPECT_EQ(calls[nr_calls - 1].rp, &first);
	kretprobe_unregister(&first);
}

static void *jump[5];
static bool cut_by_hand;
static noinline void jumper(void)
{
	if (cut_by_hand)
		graph_cut(this_cpu(graph_here), ret_top_before);
	__builtin_longjmp(jump, 1);
}
static noinline bool landing(void)
{
	if (__builtin_setjmp(jump))
		return true;
	jumper();
	return false;
}

/* What never returns is found out when somebody below it does, and counts no more. */
EACH_WAY(calls_that_never_return_are_given_up)
{
	struct kretprobe out = PROBE_ON(landing), lost = PROBE_ON(jumper, .maxactive = 1);

	if (!ret_on(&lost))
		return;
	if (ret_on(&out)) {
		for (int i = 1; i <= 3; i++) {
			EXPECT(landing());
			EXPECT_EQ(nr_calls, i);
			EXPECT(stack_is_as_before());
		}
		kretprobe_unregister(&out);
	}
	EXPECT_EQ(lost.nmissed, 0);
	cut_by_hand = true; /* as bust_kprobes() does */
	for (int i = 1; i <= 3; i++) {
		EXPECT(landing());
		EXPECT(stack_is_as_before());
	}
	cut_by_hand = false;
	EXPECT_EQ(lost.nmissed, 0);
	EXPECT_EQ(lost.kp.hits, 6);
	kretprobe_unregister(&lost);
}

KTEST(kretprobe, refusals)
{
	static const struct {
		u64 off;
		u32 maxactive;
		int err;
		const char *why;
	} bad[] = {
		{ 1, 0, -EINVAL, "entry" },
		{ SITE_SIZE + 1, 0, -EINVAL, "entry" },
		{ 0, KRETPROBE_MAXACTIVE_MAX + 1, -E2BIG, "maxactive" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kretprobe rp = PROBE_ON((u64)doubled + bad[i].off, .maxactive = bad[i].maxactive);
		const char *why = "";

		EXPECT_EQ(kretprobe_register(&rp, &why), bad[i].err);
		EXPECT(strstr(why, bad[i].why));
	}
	for (int i = 0; i < 2; i++) {
		struct kretprobe rp = PROBE_ON(i ? return_to_probe : return_to_handler);
		const char *why = "";

		EXPECT_EQ(kretprobe_register(&rp, &why), -EINVAL);
		EXPECT(strstr(why, "hidden") || strstr(why, ".entry.text"));
	}
}

/* Their own returns would be hooked in the middle of what they do to another one's. */
KTEST(kretprobe, what_hooks_returns_is_refused)
{
	extern const u8 kretprobe_return[], ftrace_ops_list_func[];
	const u64 own[] = { (u64)kretprobe_return, (u64)kprobe_ftrace_handler, (u64)ftrace_ops_list_func,
			    (u64)graph_return, (u64)graph_skip_stale };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct kretprobe rp = PROBE_ON(own[i]);
		const char *why = "";
		int err = kretprobe_register(&rp, &why);

		EXPECT_EQ(err, -EINVAL);
		EXPECT(err && strstr(why, "hooks returns"));
		if (!err)
			kretprobe_unregister(&rp);
	}
}
