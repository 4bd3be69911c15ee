/* Watchpoints: hit by what touches them and by nothing else, on every CPU and in every context, and survived wherever they are. */
#include "kprobe/watchpoint.h"

#include "abi/errno.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/extable.h"
#include "kernel/nmi.h"
#include "mm/frames.h"
#include "arch/x86/mm/paging.h"
#include "sched/thread.h"
#include "tests/kernel/contexts.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/guard.h"

static u64 var[4] __aligned(32);
static u64 ip_seen, value_seen;
static u32 context_seen;

static void look(struct watchpoint *w, struct pt_regs *regs)
{
	ip_seen = regs->ip;
	value_seen = *(u64 *)(w->addr & ~7ul);
	context_seen = kprobe_context(regs);
}

#define WATCH(a, l, t)                                                     \
	{                                                                  \
		.addr = (u64)(a), .len = (l), .type = (t), .handler = look \
	}

static bool watch_on(struct watchpoint *w)
{
	const char *why = NULL;
	int err = watchpoint_register(w, &why);

	if (!err)
		err = watchpoint_arm(w);
	if (err)
		ktest_fail(why ? why : "watchpoint_arm", 0, "watchpoint refused", (u64)(s64)err, 0);
	return !err;
}

CODE(stores, "", "movq %r9, (%r8)", "", "");
CODE(loads, "", "movq (%r8), %r9", "", "");
CODE(stores_bytes, "", "rep stosb", "", "");

static struct machine run(const u8 *code, const void *to)
{
	struct machine m = machine_pattern;

	m.r8 = m.di = (u64)to;
	m.cx = 4;
	m.flags = 0x202;
	machine_run(&m, code);
	return m;
}

KTEST(watchpoint, a_store_is_seen_when_it_has_been_done)
{
	struct watchpoint w = WATCH(&var[1], 8, WATCH_WRITE);
	struct cpu_accounts before = accounts_now();

	var[1] = 0;
	if (!watch_on(&w))
		return;
	run(stores, &var[1]);
	EXPECT_EQ(w.hits, 1);
	EXPECT_EQ(ip_seen, stores_at[1]);
	EXPECT_EQ(value_seen, machine_pattern.r9);
	EXPECT_EQ(context_seen, before.context_word);
	EXPECT_EQ(run(loads, &var[1]).r9, machine_pattern.r9);
	run(stores, &var[0]);
	run(stores, &var[2]);
	EXPECT_EQ(w.hits, 1);
	watchpoint_disarm(&w);
	run(stores, &var[1]);
	EXPECT_EQ(w.hits, 1);
	EXPECT_EQ(watchpoint_arm(&w), 0);
	EXPECT_EQ(watchpoint_arm(&w), 0); /* twice is once */
	run(stores_bytes, &var[1]);
	EXPECT(w.hits > 1);
	watchpoint_unregister(&w);
	EXPECT_EQ(w.nmissed, 0);
	EXPECT_ACCOUNTS(before);
}

KTEST(watchpoint, every_length_and_loads_if_asked_for)
{
	for (u8 len = 1; len <= 8; len *= 2)
		for (int type = WATCH_WRITE; type <= WATCH_ACCESS; type += 2) {
			struct watchpoint w = WATCH((u64)&var[1] + 8 - len, len, type);

			if (!watch_on(&w))
				return;
			var[1] = 1;
			run(stores, &var[1]); /* covers it */
			run(loads, &var[1]);
			*(volatile u8 *)((u64)&var[1] + 7) = 1;
			*(volatile u8 *)&var[1] = 1; /* beside it, unless there are eight */
			*(volatile u8 *)&var[2] = 1;
			barrier();
			EXPECT_EQ(w.hits, 3 + (type == WATCH_ACCESS) + (len == 8));
			watchpoint_unregister(&w);
		}
}

static noinline u64 executed(u64 n)
{
	barrier();
	return n + 1;
}

KTEST(watchpoint, an_instruction_is_seen_before_it_runs)
{
	struct watchpoint w = WATCH(executed, 1, WATCH_EXECUTE);

	if (!watch_on(&w))
		return;
	EXPECT_EQ(executed(1), 2);
	EXPECT_EQ(executed(2), 3);
	watchpoint_unregister(&w);
	EXPECT_EQ(w.hits, 2);
	EXPECT_EQ(ip_seen, executed);
	EXPECT_EQ(executed(3), 4);
	EXPECT_EQ(w.hits, 2);
}

/* With a probe on the first of two that are watched: both are seen, however the first is run. */
CODE(two_instructions, "", "incq %rax", "incq %rcx", "");

KTEST(watchpoint, two_in_a_row_with_a_probe_on_the_first)
{
	for (int t = KPROBE_AUTO; t < NR_TECHNIQUES; t++) {
		struct watchpoint first = WATCH(two_instructions_at[0], 1, WATCH_EXECUTE);
		struct watchpoint second = WATCH(two_instructions_at[1], 1, WATCH_EXECUTE);
		struct kprobe p = { .addr = two_instructions_at[0], .technique = (enum kprobe_technique)t };
		const char *why;

		if (kprobe_register(&p, &why) != 0)
			continue;
		watch_on(&first);
		watch_on(&second);
		EXPECT_EQ(kprobe_arm(&p), 0);
		run(two_instructions, var);
		kprobe_unregister(&p);
		watchpoint_unregister(&first);
		watchpoint_unregister(&second);
		EXPECT_EQ(p.hits, 1);
		EXPECT_EQ(first.hits, 1);
		EXPECT_EQ(second.hits, 1);
	}
}

KTEST(watchpoint, refusals)
{
	static const struct {
		u64 addr;
		u8 len, type;
		const char *why;
	} bad[] = {
		{ (u64)var, 8, 2, "neither" },
		{ (u64)var, 3, WATCH_WRITE, "length" },
		{ (u64)var, 0, WATCH_WRITE, "length" },
		{ (u64)var + 4, 8, WATCH_WRITE, "multiple" },
		{ 0x1000, 8, WATCH_WRITE, "kernel address" },
		{ 1ul << 63, 8, WATCH_WRITE, "kernel address" },
		{ (u64)executed, 8, WATCH_EXECUTE, "length" },
		{ (u64)var, 1, WATCH_EXECUTE, "text" },
		{ (u64)&bb_depth, 4, WATCH_WRITE, "handler" },
		{ STACK_AREA, 8, WATCH_WRITE, "stack" },
	};
	u64 local = 0;
	struct watchpoint on_stack = WATCH(&local, 8, WATCH_WRITE), five[5];
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct watchpoint w = WATCH(bad[i].addr, bad[i].len, bad[i].type);

		why = "";
		EXPECT_EQ(watchpoint_register(&w, &why), -EINVAL);
		if (!strstr(why, bad[i].why))
			ktest_fail(why, (int)i, bad[i].why, 0, 1);
	}
	EXPECT_EQ(watchpoint_register(&on_stack, &why), -EINVAL);
	for (size_t i = 0; i < 5; i++) {
		five[i] = (struct watchpoint)WATCH(&var[i % 4], 8, WATCH_WRITE);
		EXPECT_EQ(watchpoint_register(&five[i], &why), 0);
		EXPECT_EQ(watchpoint_arm(&five[i]), i < 4 ? 0 : -ENOSPC);
	}
	watchpoint_disarm(&five[0]);
	EXPECT_EQ(watchpoint_arm(&five[4]), 0);
	for (size_t i = 0; i < 4; i++)
		run(stores, &var[i]);
	for (size_t i = 0; i < 5; i++) {
		EXPECT_EQ(five[i].hits, i > 0);
		watchpoint_unregister(&five[i]);
	}
}

static void leave_two(void)
{
	for (int i = 0; i < 2; i++) {
		struct watchpoint w = WATCH(&var[i], 8, WATCH_WRITE);

		watch_on(&w);
	}
}

KTEST(watchpoint, a_test_that_leaves_some_fails_and_has_left_none)
{
	unsigned before = watchpoints_taken();
	char text[256];
	struct seq_buf said;

	seq_buf_init(&said, text, sizeof(text));
	EXPECT_EQ(ktest_run(leave_two, &said.seq), 1);
	EXPECT(strstr(text, "leaves watchpoints"));
	EXPECT_EQ(watchpoints_taken(), before);
}

/* A probe on the very instruction, run in each way: each has its hit, and the watchpoint's is at the original. */
static unsigned posts;
static void on_post(struct kprobe *p, struct pt_regs *regs) { posts++; }

KTEST(watchpoint, a_probe_on_the_storing_instruction)
{
	static const enum kprobe_technique ways[] = { KPROBE_STEP, KPROBE_INT3, KPROBE_BOOST };
	struct cpu_accounts before = accounts_now();

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .addr = stores_at[0],
				    .technique = ways[i],
				    .post = ways[i] == KPROBE_BOOST ? NULL : on_post };
		struct watchpoint w = WATCH(&var[1], 8, WATCH_WRITE);

		posts = 0;
		ip_seen = 0;
		if (!watch_on(&w))
			return;
		if (probe_on(&p)) {
			run(stores, &var[1]);
			probe_off(&p);
		}
		watchpoint_unregister(&w);
		EXPECT_EQ(w.hits, 1);
		EXPECT_EQ(p.hits, 1);
		EXPECT_EQ(posts, ways[i] != KPROBE_BOOST);
		EXPECT_EQ(ip_seen, stores_at[1]);
		EXPECT_EQ(var[1], machine_pattern.r9);
		EXPECT_ACCOUNTS(before);
	}
}

/* What handlers do, and what is done under the tracer's guard, is missed; nothing comes back to itself. */
static void store_in_probe(struct kprobe *p, struct pt_regs *regs) { WRITE_ONCE(var[1], 5); }
static void store_in_handler(struct watchpoint *w, struct pt_regs *regs)
{
	WRITE_ONCE(var[1], 6);
	executed(1);
}
static noinline void store_var(void)
{
	WRITE_ONCE(var[1], 7);
	barrier(); /* what it hits changes counts */
}

KTEST(watchpoint, handlers_and_the_tracer_do_not_hit_it)
{
	struct kprobe p = { .addr = (u64)executed, .pre = store_in_probe };
	struct watchpoint w = WATCH(&var[1], 8, WATCH_WRITE);
	struct cpu_accounts before = accounts_now();
	u32 guard;

	if (!watch_on(&w))
		return;
	if (probe_on(&p)) {
		executed(1);
		EXPECT_EQ(p.hits, 1);
		EXPECT_EQ(w.hits, 0);
		EXPECT_EQ(w.nmissed, 1);
		w.handler = store_in_handler;
		store_var();
		EXPECT_EQ(w.hits, 1);
		EXPECT_EQ(p.hits, 1);
		EXPECT_EQ(p.nmissed, 1);
		EXPECT_EQ(w.nmissed, 1);
		probe_off(&p);
	}
	w.handler = look;
	guard = guard_enter(GUARD_TRACEPOINT);
	store_var();
	EXPECT_EQ(w.nmissed, 2);
	in_irq(store_var); /* it is no business of what it has interrupted */
	EXPECT_EQ(w.nmissed, 2);
	EXPECT_EQ(w.hits, 2);
	guard_leave(guard);
	watchpoint_unregister(&w);
	EXPECT_ACCOUNTS(before);
}

static void int3_hit(void) { __asm__ volatile("int3\n1:\n" EX_TABLE(1b, 1b)); }
CODE(stepped, "", "incq %rax", "", "");
static void nothing(void) {}

/* What #DB's handler itself keeps its books in, when it has switched the registers off. */
KTEST(watchpoint, on_what_traps_themselves_touch)
{
	struct kprobe p = { .addr = stepped_at[0], .technique = KPROBE_STEP, .post = on_post };
	struct watchpoint w = WATCH(&step_depth, sizeof(step_depth), WATCH_ACCESS);
	struct cpu_accounts before;

	EXPECT_EQ(thread_set_affinity(1), 0);
	before = accounts_now();
	if (watch_on(&w)) {
		if (probe_on(&p)) {
			int3_hit();
			EXPECT_EQ(run(stepped, NULL).ax, machine_pattern.ax + 1);
			in_irq(nothing);
			nmi_expect(this_cpu(cpu_number));
			__asm__ volatile("int $2");
			probe_off(&p);
			EXPECT_EQ(p.hits, 1);
		}
		watchpoint_unregister(&w);
		EXPECT(w.hits);
	}
	EXPECT_ACCOUNTS(before);
	EXPECT_EQ(thread_set_affinity(CPU_MASK_ALL), 0);
}

/* Where its stub does, the next #DB would come before the first one is through: on no CPU, and on no thread's. */
KTEST(watchpoint, what_the_stub_touches_is_refused)
{
	const u64 books[] = {
		(u64)&context_word,	 (u64)&guard_bits,
		(u64)&rcu_trace_reader,	 (u64)&watch.counter,
		(u64)&watch.nmi_nesting, (u64)&trap_top,
		(u64)&hw_breakpoint_key, (u64)&ring_nests[1],
		(u64)ring_nests[0],	 (u64)ring_nests[1],
		(u64)&bb_depth,		 (u64)per_cpu_ptr(context_word, nr_cpus_up() - 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(books); i++) {
		struct watchpoint w = WATCH(books[i], 1, WATCH_ACCESS);
		const char *why = "";

		EXPECT_EQ(watchpoint_register(&w, &why), -EINVAL);
		EXPECT(strstr(why, "handler"));
	}
}

static bool nmi_seen;
static void look_in_nmi(struct watchpoint *w, struct pt_regs *regs)
{
	nmi_seen |= in_real_nmi() && kprobe_context(regs) & CONTEXT_REAL_NMI;
}

KTEST(watchpoint, in_an_nmi)
{
	struct watchpoint w = WATCH(&nmi_count, 8, WATCH_WRITE);

	w.handler = look_in_nmi;
	nmi_seen = false;
	if (!watch_on(&w))
		return;
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	watchpoint_unregister(&w);
	EXPECT(nmi_seen);
	EXPECT_EQ(w.hits, 1);
}

/* The hit is held off until after the next instruction, which is an int3: #DB comes at the first one of its stub. */
CODE(loads_ss, "", "movw (%r8), %ss", "int3\n3:", EX_TABLE(3b, 3b));

KTEST(watchpoint, loading_ss_before_a_breakpoint)
{
	struct watchpoint w = WATCH(&var[1], 8, WATCH_ACCESS);
	struct cpu_accounts before = accounts_now();

	var[1] = 0x10; /* the kernel's own */
	if (!watch_on(&w))
		return;
	run(loads_ss, &var[1]);
	watchpoint_unregister(&w);
	EXPECT(w.hits == 1);
	EXPECT_ACCOUNTS(before);
}

/* On every CPU; and gone everywhere when it is gone. */
static u64 *shared;
static bool enough;
static int stores_one(void *cpu)
{
	WRITE_ONCE(*shared, (u64)cpu);
	return 0;
}
static int stores_on(void *cpu)
{
	while (!READ_ONCE(enough)) {
		WRITE_ONCE(*shared, (u64)cpu);
		thread_yield();
	}
	return 0;
}
static unsigned late;
static void is_it_late(struct watchpoint *w, struct pt_regs *regs)
{
	late += READ_ONCE(w->handler) != is_it_late;
}

KTEST(watchpoint, on_all_cpus)
{
	struct watchpoint w = WATCH(&var[2], 8, WATCH_WRITE);

	shared = &var[2];
	if (!watch_on(&w))
		return;
	crowd_run(stores_one);
	EXPECT_EQ(w.hits, crowd_cpus());
	watchpoint_unregister(&w);
	crowd_run(stores_one);
	EXPECT_EQ(w.hits, crowd_cpus());
}

KTEST(watchpoint, they_come_and_go_while_all_store)
{
	u64 hits = 0;

	shared = &var[2];
	enough = false;
	late = 0;
	crowd_start(stores_on, 1);
	for (unsigned i = 0; i < stressed(20); i++) {
		static struct watchpoint w;

		w = (struct watchpoint)WATCH(&var[2], 8, WATCH_WRITE);
		w.handler = is_it_late;
		if (!watch_on(&w))
			break;
		WRITE_ONCE(var[2], 0);
		watchpoint_unregister(&w);
		w.handler = NULL;
		hits += w.hits;
	}
	WRITE_ONCE(enough, true);
	crowd_join();
	EXPECT_EQ(late, 0);
	EXPECT(hits >= stressed(20));
}

/* The copy of what transfers control has nothing behind it, so a step is what ends it, and comes together with the watchpoint. */
CODE(adds_seven, "", "addq $7, %rax", "", "");
CODE(calls_memory, "", "call *(%r8)", "incq %rax", "");
CODE(jumps_memory, "", "jmp *(%r8)", "", "");

KTEST(watchpoint, a_probe_on_a_branch_by_what_is_watched)
{
	const struct {
		const u8 *code;
		u64 at, by;
	} branches[] = { { calls_memory, calls_memory_at[0], 8 }, { jumps_memory, jumps_memory_at[0], 7 } };
	struct cpu_accounts before = accounts_now();

	for (size_t i = 0; i < 2 * ARRAY_SIZE(branches); i++) {
		struct watchpoint w = WATCH(&var[1], 8, WATCH_ACCESS);
		struct kprobe p = { .addr = branches[i / 2].at, .post = i % 2 ? on_post : NULL };

		posts = 0;
		var[1] = (u64)adds_seven;
		if (!probe_on(&p))
			return;
		watch_on(&w);
		EXPECT_EQ(run(branches[i / 2].code, &var[1]).ax, machine_pattern.ax + branches[i / 2].by);
		EXPECT_EQ(p.hits, 1);
		EXPECT_EQ(posts, i % 2);
		EXPECT_EQ(w.hits, 1);
		watchpoint_unregister(&w);
		probe_off(&p);
		EXPECT_ACCOUNTS(before);
	}
}
