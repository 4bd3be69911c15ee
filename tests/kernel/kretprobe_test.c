/* Return probes: each call that is hooked has its handler called once, at its return, whatever goes on in between. */
#include "kprobe/kretprobe.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/graph.h"
#include "kernel/backtrace.h"
#include "kernel/nmi.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tests/kernel/contexts.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

/* The handlers' calls, one after the other. */
static struct {
	const struct kretprobe *rp;
	u64 result;
} calls[128];
static unsigned nr_calls;

static void note(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned n = __atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);

	calls[n % ARRAY_SIZE(calls)].rp = ri->rp;
	calls[n % ARRAY_SIZE(calls)].result = regs->ax;
}

static struct graph_entry *top_before;
static bool stack_is_as_before(void) { return this_cpu(graph_here)->top == top_before; }

/* How the entry is hit: by the tracer's call, and by an int3. */
static enum kprobe_technique way;
#define EACH_WAY(name)                                                                       \
	static void name(void);                                                              \
	KTEST(kretprobe, name)                                                               \
	{                                                                                    \
		static const enum kprobe_technique ways[] = { KPROBE_AUTO, KPROBE_EMULATE }; \
                                                                                             \
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {                              \
			way = ways[i];                                                       \
			name();                                                              \
		}                                                                            \
	}                                                                                    \
	static void name(void)

static bool ret_on(struct kretprobe *rp)
{
	const char *why = NULL;
	int err;

	rp->kp.technique = way;
	err = kretprobe_register(rp, &why);
	nr_calls = 0;
	top_before = this_cpu(graph_here)->top;
	if (err) {
		ktest_fail(why ? why : "kretprobe_register", 0, "return probe refused", (u64)(s64)err, 0);
		return false;
	}
	EXPECT_EQ(kretprobe_arm(rp), 0);
	return true;
}

#define HANDLED(f, h, ...)                                       \
	{                                                        \
		.kp.addr = (u64)(f), .handler = (h), __VA_ARGS__ \
	}
#define PROBE_ON(f, ...) HANDLED(f, note, __VA_ARGS__)

static noinline u64 doubled(u64 n)
{
	barrier();
	return 2 * n;
}
static noinline u64 doubled_and_one(u64 n) { return doubled(n) + 1; }
static noinline u64 sum_of_both(u64 n) { return doubled(n) + doubled_and_one(n); }

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
	note(ri, regs);
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
	kretprobe_unregister(&rp);
	EXPECT_EQ(doubled_and_one(21), 43);
	EXPECT_EQ(nr_calls, 1);
	EXPECT(stack_is_as_before());
	EXPECT_ACCOUNTS(before);
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

/* With a site, as all that may have a return probe. rax means nothing at a call: what hooks its return may change it. */
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
	EXPECT_EQ(memcmp(&at_return.r11, (u64[]){ plain.r11, plain.r10, plain.r9, plain.r8 }, 32), 0);
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
		graph_cut(this_cpu(graph_here), top_before);
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

/* A handler that calls what is probed: executed, and counted as missed; at the entry and at the return. */
static u64 twice_more;
static bool entry_calls(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	twice_more = doubled(5);
	return true;
}
static void handler_calls(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	note(ri, regs);
	twice_more += doubled_and_one(50);
}

EACH_WAY(handlers_may_call_probed_functions)
{
	struct kretprobe rp = HANDLED(doubled, handler_calls, .entry = entry_calls);
	struct cpu_accounts before = accounts_now();

	if (!ret_on(&rp))
		return;
	EXPECT_EQ(doubled(1), 2);
	EXPECT_EQ(twice_more, 111);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(rp.kp.hits, 1);
	EXPECT_EQ(rp.kp.nmissed, 2);
	EXPECT_ACCOUNTS(before);
	kretprobe_unregister(&rp);
}

/* On top of one that is open: by an interrupt, by an NMI, and in the middle of another probe's handler. */
static void call_on_top(void) { EXPECT_EQ(doubled(10), 20); }
static void call_in_nmi(struct kprobe *p, struct pt_regs *regs) { EXPECT(in_real_nmi()); }
static void note_context(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	note(ri, regs);
	if (in_real_nmi())
		calls[nr_calls - 1].result = 0x2222;
}
static noinline u64 interrupted(void)
{
	in_irq(call_on_top);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	return 77;
}

EACH_WAY(interrupts_and_nmis_on_top)
{
	struct kretprobe outer = PROBE_ON(interrupted), top = PROBE_ON(doubled),
			 in_nmi_too = HANDLED(nmi_arrived, note_context);
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = call_in_nmi };

	if (!ret_on(&outer))
		return;
	if (ret_on(&top)) {
		if (ret_on(&in_nmi_too) && probe_on(&p)) {
			EXPECT_EQ(interrupted(), 77);
			probe_off(&p);
		}
		EXPECT(stack_is_as_before());
		kretprobe_unregister(&in_nmi_too);
		kretprobe_unregister(&top);
	}
	kretprobe_unregister(&outer);
	EXPECT_EQ(nr_calls, 3);
	EXPECT_EQ(calls[0].rp, &top);
	EXPECT_EQ(calls[1].rp, &in_nmi_too);
	EXPECT_EQ(calls[1].result, 0x2222);
	EXPECT_EQ(calls[2].rp, &outer);
	EXPECT_EQ(calls[2].result, 77);
}

/* In the middle of a probe's handler an NMI has its own. */
static void nmi_in_handler(struct kprobe *p, struct pt_regs *regs)
{
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
}

EACH_WAY(an_nmi_in_a_handler)
{
	struct kprobe p = { .addr = (u64)doubled, .pre = nmi_in_handler, .technique = KPROBE_EMULATE };
	struct kretprobe rp = HANDLED(nmi_arrived, note_context);

	if (!ret_on(&rp))
		return;
	if (probe_on(&p)) {
		EXPECT_EQ(doubled(1), 2);
		probe_off(&p);
	}
	kretprobe_unregister(&rp);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(calls[0].result, 0x2222);
	EXPECT_EQ(rp.nmissed, 0);
}

static char text[2048];
static void write_backtrace(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	backtrace(&b.seq, NULL);
}
static noinline u64 writes_inside(void)
{
	write_backtrace(NULL, NULL);
	return 1;
}
static noinline u64 callers_caller(void) { return writes_inside() + 1; }

/* From inside the call, and from its handler, where only its callers are left. */
EACH_WAY(backtraces_name_the_real_callers)
{
	struct kretprobe rp = PROBE_ON(writes_inside), outer = PROBE_ON(callers_caller),
			 twice = PROBE_ON(writes_inside), asks = HANDLED(doubled, write_backtrace);

	if (!ret_on(&rp))
		return;
	if (ret_on(&outer) && ret_on(&twice)) {
		callers_caller();
		EXPECT(strstr(text, "  writes_inside+"));
		EXPECT(strstr(text, "  callers_caller+"));
		EXPECT(strstr(text, "  backtraces_name"));
		EXPECT(!strstr(text, "return_to"));
		EXPECT_EQ(nr_calls, 3);
	}
	kretprobe_unregister(&twice);
	kretprobe_unregister(&outer);
	kretprobe_unregister(&rp);
	if (!ret_on(&asks))
		return;
	doubled_and_one(1);
	kretprobe_unregister(&asks);
	EXPECT(strstr(text, "  doubled_and_one+"));
	EXPECT(strstr(text, "  backtraces_name"));
	EXPECT(!strstr(text, "return_to"));
}

static int put(const char *file, const char *what)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, what, strlen(what), false);
}
static void graph(const char *filter)
{
	EXPECT_EQ(put("set_ftrace_filter", filter), 0);
	EXPECT_EQ(put("current_tracer", *filter ? "function_graph" : "nop"), 0);
	if (*filter)
		ring_buffer_reset();
}

/* Both hook one return: in each order of coming and going, with the call open. */
static void (*in_the_middle)(void);
static noinline u64 hooked_twice(void)
{
	in_the_middle();
	return 9;
}
static struct kretprobe beside;
static void graph_goes(void) { graph(""); }
static void graph_comes(void) { graph("hooked_twice doubled"); }
static void probe_goes(void) { kretprobe_unregister(&beside); }
static void both_go_probe_first(void)
{
	probe_goes();
	graph_goes();
}
static void both_go_graph_first(void)
{
	graph_goes();
	probe_goes();
}
static void nothing(void) {}

EACH_WAY(the_graph_tracer_on_the_same_function)
{
	static const struct {
		void (*in_the_middle)(void);
		bool graph_first, graph_later, probe_goes;
	} cases[] = {
		{ nothing, true, false, false },
		{ nothing, false, false, false },
		{ graph_goes, true, false, false },
		{ graph_comes, false, true, false },
		{ probe_goes, true, false, true },
		{ probe_goes, false, false, true },
		{ both_go_probe_first, true, false, true },
		{ both_go_graph_first, true, false, true },
		{ both_go_graph_first, false, false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		beside = (struct kretprobe)PROBE_ON((u64)hooked_twice + (way ? SITE_SIZE : 0));
		if (cases[i].graph_first)
			graph_comes();
		if (!ret_on(&beside))
			break;
		if (!cases[i].graph_first && !cases[i].graph_later)
			graph_comes();
		in_the_middle = cases[i].in_the_middle;
		EXPECT_EQ(hooked_twice(), 9);
		EXPECT(stack_is_as_before());
		EXPECT_EQ(nr_calls, !cases[i].probe_goes);
		if (in_the_middle == nothing)
			EXPECT_EQ(ring_buffer_entries(), 2);
		graph_goes();
		in_the_middle = nothing;
		EXPECT_EQ(hooked_twice(), 9);
		EXPECT_EQ(nr_calls, 2 * !cases[i].probe_goes);
		if (!cases[i].probe_goes)
			kretprobe_unregister(&beside);
	}
}

/* Threads that end inside: the call is over with them. */
static noinline void ends(void) { thread_exit(7); }
static int ends_inside(void *arg)
{
	ends();
	return 0;
}
EACH_WAY(a_thread_that_ends_inside)
{
	struct kretprobe rp = PROBE_ON(ends, .maxactive = 1);

	if (!ret_on(&rp))
		return;
	for (unsigned n = 0; n < stressed(20); n++) {
		struct thread *t = thread_create("ends", ends_inside, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);

		EXPECT(t);
		if (t)
			EXPECT_EQ(thread_join(t), 7);
	}
	EXPECT_EQ(rp.nmissed, 0);
	EXPECT_EQ(rp.kp.hits, stressed(20));
	EXPECT_EQ(nr_calls, 0);
	kretprobe_unregister(&rp);
}

/* A thread asleep inside; the probe goes, and another comes and goes, before it returns. */
static struct wait_queue sleepers;
static bool asleep, awake;
static noinline u64 sleeps(void)
{
	WRITE_ONCE(asleep, true);
	wait_event(&sleepers, READ_ONCE(awake));
	return 3;
}
static int sleeper(void *arg) { return (int)sleeps(); }

static void unregistered_while_asleep(bool by_disarming)
{
	struct kretprobe *rp = kzalloc(sizeof(*rp)), other = PROBE_ON(doubled);
	struct thread *t;

	asleep = awake = false;
	wait_queue_init(&sleepers, "sleepers");
	*rp = (struct kretprobe)PROBE_ON(sleeps);
	if (!ret_on(rp))
		return;
	t = thread_create("sleeper", sleeper, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	EXPECT(t);
	while (t && !READ_ONCE(asleep))
		thread_yield();
	if (by_disarming) {
		kretprobe_disarm(rp);
	} else {
		kretprobe_unregister(rp);
		memset(rp, 0x6b, sizeof(*rp));
	}
	if (ret_on(&other)) {
		EXPECT_EQ(doubled(2), 4);
		kretprobe_unregister(&other);
	}
	WRITE_ONCE(awake, true);
	wake_all(&sleepers);
	if (t)
		EXPECT_EQ(thread_join(t), 3);
	EXPECT_EQ(nr_calls, 1);
	if (by_disarming)
		kretprobe_unregister(rp);
	kfree(rp);
}

EACH_WAY(unregistered_while_a_thread_sleeps_inside) { unregistered_while_asleep(false); }
EACH_WAY(disarmed_while_a_thread_sleeps_inside) { unregistered_while_asleep(true); }

/* On all CPUs, with switches and moves in the middle of calls. */
static noinline u64 moves(u64 n)
{
	u64 below;

	if (n % 3 == 0)
		thread_yield();
	if (n % 4 == 0)
		thread_set_affinity(1u << crowd_next_cpu(this_cpu(cpu_number)));
	below = n ? moves(n - 1) : 0;
	if (n % 5 == 0)
		thread_yield();
	return below + doubled(n);
}
static int mover(void *cpu)
{
	unsigned bad = 0;

	for (unsigned i = stressed_each(300); i; i--)
		bad += moves(9) != 90;
	return (int)bad;
}
static void count(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	__atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
}

EACH_WAY(threads_that_move_between_cpus)
{
	struct kretprobe outer = HANDLED(moves, count, .maxactive = 1000),
			 inner = HANDLED(doubled, count, .maxactive = 1000);
	u64 each = (u64)stressed_each(300) * 10 * 4 * crowd_cpus();

	if (!ret_on(&outer))
		return;
	if (ret_on(&inner)) {
		crowd_start(mover, 4);
		EXPECT_EQ(crowd_join(), 0);
		EXPECT_EQ(nr_calls, 2 * each);
		EXPECT_EQ(outer.nmissed + inner.nmissed, 0);
		kretprobe_unregister(&inner);
	}
	kretprobe_unregister(&outer);
}

/* Probes that come and go on one CPU while all the others call: none is called when it has gone. */
static bool enough;
static u64 late;
static int calls_on(void *cpu)
{
	unsigned bad = 0;

	while (!READ_ONCE(enough)) {
		bad += sum_of_both(3) != 13;
		thread_yield();
	}
	return (int)bad;
}
static void is_it_late(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(ri->rp->handler) != is_it_late)
		late++;
}

EACH_WAY(they_come_and_go_while_all_call)
{
	static struct kretprobe rp;
	u64 hits = 0;

	enough = false;
	late = 0;
	crowd_start(calls_on, 2);
	for (unsigned i = 0; i < stressed(20); i++) {
		rp = (struct kretprobe)HANDLED(i % 2 ? doubled : sum_of_both, is_it_late);
		if (!ret_on(&rp))
			break;
		for (unsigned k = 0; k < 5; k++)
			sum_of_both(3);
		kretprobe_disarm(&rp);
		rp.handler = NULL;
		kretprobe_unregister(&rp);
		hits += rp.kp.hits;
	}
	WRITE_ONCE(enough, true);
	EXPECT_EQ(crowd_join(), 0);
	EXPECT_EQ(late, 0);
	EXPECT(hits >= 5 * stressed(20));
}
