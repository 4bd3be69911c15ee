/* Probes in handlers of probes in handlers, eight deep, by each technique: all executed, all counted. */
#include "abi/errno.h"
#include "context/watch.h"
#include "ftrace/ftrace.h"
#include "kprobe/bust.h"
#include "kprobe/internal.h"
#include "kernel/traps.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "trace/guard.h"
#include "tracefs/tracefs.h"

#define LEVELS 8

/* A place for each level: different instructions, all of which any technique that has a copy can run, and with room for a jump. */
#define NOPS "nop\n\tnop\n\tnop\n\tnop"
CODE(deep_0, "", "incq %rax", NOPS, "");
CODE(deep_1, "", "addq $1, %rax", NOPS, "");
CODE(deep_2, "", "leaq 1(%rax), %rax", NOPS, "");
CODE(deep_3, "", "subq $-1, %rax", NOPS, "");
CODE(deep_4, "", "addl $1, %eax", NOPS, "");
CODE(deep_5, "stc", "adcq $0, %rax", NOPS, "");
CODE(deep_6, "", "subl $-1, %eax", NOPS, "");
CODE(deep_7, "", "incl %eax", NOPS, "");

static const u8 *const codes[LEVELS] = { deep_0, deep_1, deep_2, deep_3, deep_4, deep_5, deep_6, deep_7 };
static struct kprobe probes[LEVELS];

/* By the tracer's call: functions. */
#define ENTRY(n)                                    \
	static noinline u64 deep_entry_##n(u64 sum) \
	{                                           \
		barrier();                          \
		return sum + 1;                     \
	}
ENTRY(0)
ENTRY(1)
ENTRY(2)
ENTRY(3)
ENTRY(4)
ENTRY(5)
ENTRY(6)
ENTRY(7)
static u64 (*const entries[LEVELS])(u64 sum) = { deep_entry_0, deep_entry_1, deep_entry_2, deep_entry_3,
						 deep_entry_4, deep_entry_5, deep_entry_6, deep_entry_7 };

static struct {
	const enum kprobe_technique *techniques; /* of each level */
	u64 sum, pres, posts, deepest, wrong;
	bool in_post; /* where the next level is called: in post, instead of in pre */
	bool open;    /* the guard is opened for the next level, as a policy of no guard would */
} deep;

static u64 run_code(const u8 *code)
{
	u64 ax = 0;

	__asm__ volatile("call *%1" : "+a"(ax) : "r"(code) : "memory", "cc");
	return ax;
}

static u64 run_level(size_t level)
{
	return deep.techniques[level] == KPROBE_FTRACE ? entries[level](0) : run_code(codes[level]);
}

static void next_level(const struct kprobe *p)
{
	size_t level = (size_t)(p - probes) + 1;
	u32 bits = guard_bits;

	if (level > deep.deepest)
		deep.deepest = level;
	if (level == LEVELS)
		return;
	if (deep.open)
		guard_bits = 0;
	deep.sum += run_level(level);
	guard_bits = bits;
}

static void on_pre(struct kprobe *p, struct pt_regs *regs)
{
	deep.pres++;
	deep.wrong += regs->ip != p->addr;
	if (!deep.in_post)
		next_level(p);
}

static void on_post(struct kprobe *p, struct pt_regs *regs)
{
	deep.posts++;
	deep.wrong += regs->ip != p->addr + p->site->length;
	if (deep.in_post)
		next_level(p);
}

static bool all_on(bool post)
{
	static const u64 *const at[LEVELS] = { deep_0_at, deep_1_at, deep_2_at, deep_3_at,
					       deep_4_at, deep_5_at, deep_6_at, deep_7_at };

	for (int i = 0; i < LEVELS; i++) {
		enum kprobe_technique t = deep.techniques[i];

		probes[i] = (struct kprobe){ .addr = t == KPROBE_FTRACE ? (u64)entries[i] : at[i][0],
					     .pre = on_pre,
					     .technique = t,
					     .post = post ? on_post : NULL };
		if (!probe_on(&probes[i])) {
			while (i--)
				probe_off(&probes[i]);
			return false;
		}
	}
	kprobe_settle();
	for (int i = 0; i < LEVELS; i++)
		EXPECT(probes[i].site->jump == JUMP_IN || deep.techniques[i] != KPROBE_JUMP);
	return true;
}

/* @handled: of how many levels the handlers run. */
static void nest_by(const enum kprobe_technique techniques[LEVELS], bool post, bool in_post, bool open)
{
	struct cpu_accounts before;
	u64 handled = open ? LEVELS : 1, hits = 0, missed = 0;

	memset(&deep, 0, sizeof(deep));
	deep.techniques = techniques;
	deep.in_post = in_post;
	deep.open = open;
	if (!all_on(post))
		return;
	before = accounts_now();
	deep.sum += run_level(0);
	EXPECT_ACCOUNTS(before);
	for (int i = LEVELS - 1; i >= 0; i--) {
		probe_off(&probes[i]);
		hits += probes[i].hits;
		missed += probes[i].nmissed;
	}
	EXPECT_EQ(deep.sum, open ? LEVELS : 2); /* each executed, once */
	EXPECT_EQ(deep.deepest, handled);
	EXPECT_EQ(deep.pres, handled);
	EXPECT_EQ(deep.posts, post ? handled : 0);
	EXPECT_EQ(hits, handled);
	EXPECT_EQ(missed, open ? 0 : 1); /* the one that the outermost's handler runs into */
	EXPECT_EQ(deep.wrong, 0);
}

static void nest(enum kprobe_technique technique, bool post, bool in_post, bool open)
{
	enum kprobe_technique techniques[LEVELS];

	for (int i = 0; i < LEVELS; i++)
		techniques[i] = technique;
	nest_by(techniques, post, in_post, open);
}

KTEST(kprobe, handlers_hit_probes_eight_deep)
{
	static const enum kprobe_technique techniques[] = { KPROBE_STEP, KPROBE_INT3, KPROBE_AUTO,
							    KPROBE_FTRACE };

	for (size_t i = 0; i < ARRAY_SIZE(techniques); i++)
		for (int open = 0; open < 2; open++) {
			nest(techniques[i], true, false, open);
			nest(techniques[i], true, true, open);
		}
	for (int open = 0; open < 2; open++) {
		nest(KPROBE_BOOST, false, false, open);
		nest(KPROBE_JUMP, false, false, open);
	}
}

/* Each inside each other's handler: traps, calls and jumps on top of one another. */
KTEST(kprobe, handlers_hit_probes_of_all_techniques_eight_deep)
{
	static const enum kprobe_technique order[] = {
		KPROBE_STEP,  KPROBE_JUMP, KPROBE_FTRACE, KPROBE_INT3,
		KPROBE_BOOST, KPROBE_STEP, KPROBE_JUMP,	  KPROBE_FTRACE
	};
	enum kprobe_technique techniques[LEVELS];

	static_assert(ARRAY_SIZE(order) == LEVELS, "one for each");
	for (size_t first = 0; first < LEVELS; first++) {
		for (size_t i = 0; i < LEVELS; i++)
			techniques[i] = order[(first + i * 3) % LEVELS];
		nest_by(techniques, false, false, true);
	}
}

static u64 nmis_hit;
static void count_nmi(struct kprobe *p, struct pt_regs *regs) { nmis_hit++; }
static void send_nmi(struct kprobe *p, struct pt_regs *regs)
{
	u32 bits = guard_bits;

	guard_bits = 0;
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	guard_bits = bits;
}

/* The NMI comes in the step's trap, before the step has ended; what it runs into is stepped on top of it. */
KTEST(kprobe, a_hit_in_an_nmi_while_stepping)
{
	static const enum kprobe_technique techniques[] = { KPROBE_STEP, KPROBE_INT3 };

	for (size_t i = 0; i < ARRAY_SIZE(techniques); i++) {
		struct kprobe outer = { .addr = deep_0_at[0], .post = send_nmi, .technique = techniques[i] };
		struct kprobe inner = { .addr = (u64)nmi_arrived,
					.pre = count_nmi,
					.post = count_nmi,
					.technique = techniques[i] };
		struct cpu_accounts before = accounts_now();
		const char *why;
		u64 nmis = nmi_count;

		nmis_hit = 0;
		kprobe_unsafe = true; /* nmi_arrived() is hidden */
		if (kprobe_register(&inner, &why) ==
		    -EINVAL) { /* its first instruction isn't for all techniques */
			inner.technique = KPROBE_AUTO;
			EXPECT_EQ(kprobe_register(&inner, &why), 0);
		}
		EXPECT_EQ(kprobe_arm(&inner), 0);
		if (!probe_on(&outer))
			return;
		EXPECT_EQ(run_code(deep_0), 1);
		probe_off(&outer);
		probe_off(&inner);
		kprobe_unsafe = false;
		EXPECT_EQ(outer.hits, 1);
		EXPECT_EQ(inner.hits, 1);
		EXPECT_EQ(inner.nmissed, 0);
		EXPECT_EQ(nmis_hit, 2);
		EXPECT_EQ(nmi_count, nmis + 1);
		EXPECT_ACCOUNTS(before);
	}
}

/*
 * A probe on a function that writes a file, and one on rcu_nmi_exit(), which the first one's trap calls on its way out:
 * Linux said "Unrecoverable kprobe detected" and died. Here the second is refused, as it is hidden; and when it is asked for
 * all the same, the recursion is busted, and the write goes through.
 */
static void unrecoverable(enum kprobe_technique technique)
{
	struct kprobe write = { .addr = (u64)tracefs_write, .technique = technique };
	struct kprobe leave = { .addr = (u64)rcu_nmi_exit };
	struct cpu_accounts before = accounts_now();
	const char *why = "";
	u64 busts = bust_count;

	EXPECT_EQ(kprobe_register(&leave, &why), -EINVAL);
	EXPECT(strstr(why, "hidden"));
	kprobe_unsafe = true;
	if (!probe_on(&write))
		return;
	if (!probe_on(&leave)) {
		probe_off(&write);
		return;
	}
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/trace_marker", "recoverable\n", 12, true), 0);
	kprobe_unsafe = false;
	sweep_arm_again();
	EXPECT_EQ(bust_count, busts + 1);
	EXPECT(!write.armed && !leave.armed);
	probe_off(&leave);
	probe_off(&write);
	EXPECT_EQ(write.hits, 1);
	EXPECT_ACCOUNTS(before);
}

KTEST(kprobe, no_unrecoverable_kprobe_detected)
{
	unrecoverable(KPROBE_STEP);
	unrecoverable(KPROBE_INT3);
}

/*
 * The same recursion, begun inside a function that the first trap's handler calls, which a probe and a consumer hit by one
 * call: that saves registers like a trap's among those of the recursion, and is none.
 */
static noinline u64 called_in_handler(u64 n)
{
	barrier();
	return n + 1;
}

static unsigned begun;
static void begin_inside(struct kprobe *p, struct pt_regs *regs)
{
	if (!begun++)
		called_in_handler(1);
}
static notrace void consume(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	if (begun == 1)
		run_code(deep_0);
}

KTEST(kprobe, a_tracers_call_in_a_busted_recursion_is_no_trap)
{
	struct kprobe entry = { .addr = (u64)called_in_handler, .technique = KPROBE_FTRACE };
	struct kprobe way = { .addr = deep_0_at[0], .technique = KPROBE_STEP };
	struct kprobe leave = { .addr = (u64)rcu_nmi_exit, .pre = begin_inside };
	static struct ftrace_ops ops = { .func = consume, .flags = FTRACE_OPS_FL_RECURSION };
	struct cpu_accounts before;
	u64 busts = bust_count;

	begun = 0;
	EXPECT_EQ(ftrace_set_filter(&ops, "called_in_handler", true), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	kprobe_unsafe = true;
	if (probe_on(&entry) && probe_on(&way) && probe_on(&leave)) {
		before = accounts_now();
		run_code(deep_0);
		EXPECT_ACCOUNTS(before);
	}
	kprobe_unsafe = false;
	sweep_arm_again();
	EXPECT_EQ(begun, 1);
	EXPECT_EQ(bust_count, busts + 1);
	probe_off(&leave);
	probe_off(&way);
	probe_off(&entry);
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
}

static noinline u64 hooked_in_handler(void) { return run_code(deep_0) + 1; }
static void call_hooked(struct kprobe *p, struct pt_regs *regs)
{
	if (!begun++)
		hooked_in_handler();
}

static void put(const char *path, const char *text)
{
	EXPECT_EQ(tracefs_write(path, text, strlen(text), false), 0);
}

/* The same inside a call whose return is hooked: it will never return. */
KTEST(kprobe, a_bust_gives_up_the_calls_of_its_recursion)
{
	struct kprobe way = { .addr = deep_0_at[0], .technique = KPROBE_STEP };
	struct kprobe leave = { .addr = (u64)rcu_nmi_exit, .pre = call_hooked };
	struct graph_entry *top;
	u64 busts = bust_count;

	begun = 0;
	put(TRACEFS_MOUNT "/set_ftrace_filter", "hooked_in_handler*");
	put(TRACEFS_MOUNT "/current_tracer", "function_graph");
	top = this_cpu(graph_here)->top;
	kprobe_unsafe = true;
	if (probe_on(&way) && probe_on(&leave))
		run_code(deep_0);
	kprobe_unsafe = false;
	sweep_arm_again();
	EXPECT_EQ(begun, 1);
	EXPECT_EQ(bust_count, busts + 1);
	EXPECT_EQ(this_cpu(graph_here)->top, top);
	probe_off(&leave);
	probe_off(&way);
	put(TRACEFS_MOUNT "/current_tracer", "nop");
	put(TRACEFS_MOUNT "/set_ftrace_filter", "");
}
