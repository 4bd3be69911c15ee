/* What each policy of the recursion guard drops, counted; and changing it under those who have taken something by another. */
#include "trace/policy.h"

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
#include "lib/tracepoint.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/black_box.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

#define CALLS 7
#define IRQ   5

static u64 before[NR_GUARD_KINDS];

static void begin(enum guard_policy policy)
{
	thread_set_affinity(1u << this_cpu(cpu_number));
	policy_set(policy);
	for (unsigned k = 0; k < NR_GUARD_KINDS; k++)
		before[k] = this_cpu_at(guard_dropped, k);
}

static u64 dropped(enum guard_kind kind) { return this_cpu_at(guard_dropped, kind) - before[kind]; }

static void end(void)
{
	EXPECT_EQ(this_cpu(guard_bits), 0);
	policy_set(POLICY_CONTEXT);
	thread_set_affinity(CPU_MASK_ALL);
}

static noinline void policed(void) { __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop" ::: "memory"); }

/* volatile: it is called by ways that the compiler doesn't know of. */
static volatile unsigned entries, deepest, depth, limit;

/* By no policy at all it would never end. */
static void calls_traced(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	entries++;
	depth++;
	deepest = max(deepest, depth);
	if (depth < limit)
		policed();
	depth--;
}

static void call_traced(enum guard_policy policy)
{
	static struct ftrace_ops ops = { .func = calls_traced, .flags = FTRACE_OPS_FL_RECURSION };

	begin(policy);
	entries = deepest = depth = 0;
	limit = 5;
	EXPECT_EQ(ftrace_set_filter(&ops, "policed", true), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	for (int i = 0; i < CALLS; i++)
		policed();
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	EXPECT_EQ(deepest, policy == POLICY_NONE ? limit : 1);
	EXPECT_EQ(entries, policy == POLICY_NONE ? CALLS * limit : CALLS);
	EXPECT_EQ(dropped(GUARD_FUNCTION), policy == POLICY_NONE ? 0 : CALLS);
	end();
}

KTEST(policy, a_callback_that_calls_what_is_traced)
{
	for (unsigned p = 0; p < NR_POLICIES; p++)
		call_traced((enum guard_policy)p);
}

/* Something of each kind happens while an event of kind @held is being recorded in this thread. */
static enum guard_kind held;
static volatile u64 hits;
static bool in_irq;

static void call_all(void)
{
	for (int i = 0; i < CALLS; i++) {
		policed();
		tracepoint(page_fault_kernel, 1, 2, 3);
	}
}

static void call_held(void)
{
	u32 guard;

	preempt_disable();
	guard = guard_enter(held);
	EXPECT(guard);
	if (in_irq)
		__asm__ volatile("int $0x25" ::: "memory");
	else
		call_all();
	guard_leave(guard);
	preempt_enable();
}

static void count_hit(struct kprobe *p, struct pt_regs *regs) { hits++; }

static u64 hit_by(enum kprobe_technique technique, u64 offset)
{
	struct kprobe p = { .addr = (u64)policed + offset, .pre = count_hit, .technique = technique };

	hits = 0;
	if (!probe_on(&p))
		return ~0ul;
	kprobe_settle();
	call_held();
	EXPECT_EQ(p.nmissed, CALLS - hits);
	EXPECT_EQ(dropped(GUARD_KPROBE), CALLS - hits);
	probe_off(&p);
	return hits;
}
static u64 hit_by_int3(void) { return hit_by(KPROBE_INT3, SITE_SIZE); }
static u64 hit_by_call(void) { return hit_by(KPROBE_FTRACE, 0); }
static u64 hit_by_jump(void) { return hit_by(KPROBE_JUMP, SITE_SIZE); }

static u64 trace_function(void)
{
	static struct ftrace_ops ops = { .func = calls_traced, .flags = FTRACE_OPS_FL_RECURSION };

	entries = depth = limit = 0;
	EXPECT_EQ(ftrace_set_filter(&ops, "policed", true), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	call_held();
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	EXPECT_EQ(dropped(GUARD_FUNCTION), CALLS - entries);
	return entries;
}

static u64 record_event(void)
{
	static const char file[] = TRACEFS_MOUNT "/events/exceptions/page_fault_kernel/enable";
	u64 kept;

	EXPECT_EQ(tracefs_write(file, "1", 1, false), 0);
	ring_buffer_reset();
	call_held();
	kept = ring_buffer_written();
	EXPECT_EQ(tracefs_write(file, "0", 1, false), 0);
	EXPECT_EQ(dropped(GUARD_TRACEPOINT), CALLS - kept);
	return kept;
}

static const struct {
	enum guard_kind kind;
	bool trap;
	u64 (*kept)(void);
} happens[] = {
	{ GUARD_FUNCTION, false, trace_function }, { GUARD_TRACEPOINT, false, record_event },
	{ GUARD_KPROBE, true, hit_by_int3 },	   { GUARD_KPROBE, false, hit_by_call },
	{ GUARD_KPROBE, false, hit_by_jump },
};

static bool is_dropped(enum guard_policy policy, size_t n)
{
	bool same = happens[n].kind == held;

	switch (policy) {
	case POLICY_NONE:
		return false;
	case POLICY_FLAG:
		return true;
	case POLICY_KIND:
		return same;
	case POLICY_CONTEXT:
		return same && !in_irq && !happens[n].trap;
	default:
		return same && !in_irq;
	}
}

static void try_all(void)
{
	for (unsigned p = 0; p < NR_POLICIES; p++)
		for (held = GUARD_FUNCTION; held <= GUARD_KPROBE; held++)
			for (size_t n = 0; n < ARRAY_SIZE(happens); n++) {
				begin((enum guard_policy)p);
				EXPECT_EQ(happens[n].kept(), is_dropped((enum guard_policy)p, n) ? 0 : CALLS);
				end();
			}
}

KTEST(policy, what_is_dropped_while_something_is_recorded)
{
	in_irq = false;
	try_all();
}

KTEST(policy, what_is_dropped_in_an_interrupt_meanwhile)
{
	irq_set_handler(IRQ, call_all);
	pic_mask(IRQ);
	in_irq = true;
	try_all();
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
}

/* The probe's handler is called by another way, and so is the return's: all that the short ways call is called by these. */
static int kept_by(const char *definition, const char *filter)
{
	static const char events[] = TRACEFS_MOUNT "/kprobe_events";
	int kept;

	EXPECT_EQ(tracefs_write(events, definition, strlen(definition), false), 0);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/events/policy/p/filter", filter, strlen(filter), false), 0);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/events/policy/p/enable", "1", 1, false), 0);
	kprobe_settle();
	ring_buffer_reset();
	for (int i = 0; i < CALLS; i++)
		policed();
	kept = (int)ring_buffer_written();
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/events/policy/p/enable", "0", 1, false), 0);
	EXPECT_EQ(tracefs_write(events, "", 0, false), 0);
	return kept;
}

KTEST(policy, events_of_probes_are_kept_by_each)
{
	for (unsigned p = 0; p < NR_POLICIES; p++) {
		begin((enum guard_policy)p);
		EXPECT_EQ(kept_by("p:policy/p policed", "0"), CALLS);
		EXPECT_EQ(kept_by("p:policy/p policed+5 a=%di", "0"), CALLS);
		EXPECT_EQ(kept_by("p:policy/p policed+5 a=%di", "cpu < 64"), CALLS);
		EXPECT_EQ(kept_by("r:policy/p policed", "0"), CALLS);
		EXPECT_EQ(kept_by("r:policy/p policed", "cpu < 64"), CALLS);
		for (unsigned k = 0; k < NR_GUARD_KINDS; k++)
			EXPECT_EQ(dropped((enum guard_kind)k), 0);
		end();
	}
}

static struct kprobe trap = { .technique = KPROBE_INT3 }, call = { .technique = KPROBE_FTRACE };
static volatile bool switched;
static u64 calls;

static void hit_shared(struct kprobe *p, struct pt_regs *regs) { policed(); }

static int call_or_switch(void *cpu)
{
	u64 n = 0;

	if ((u64)cpu == 0) {
		for (unsigned i = 0; i < 16 + stressed(4); i++)
			policy_set((enum guard_policy)(1 + i % (NR_POLICIES - 1)));
		switched = true;
	}
	do {
		policed();
		n++;
	} while (!switched);
	__atomic_fetch_add(&calls, n, __ATOMIC_RELAXED);
	return 0;
}

/* Each call hits or is missed, by whatever policy; those that the handlers make are missed by each. And nobody keeps anything. */
KTEST(policy, changes_under_load)
{
	trap.addr = (u64)policed + SITE_SIZE;
	call.addr = (u64)policed;
	trap.pre = call.pre = hit_shared;
	switched = false;
	calls = 0;
	if (!probe_on(&trap))
		return;
	if (probe_on(&call)) {
		EXPECT_EQ(crowd_run(call_or_switch), 0);
		EXPECT_EQ(trap.hits + trap.nmissed, call.hits + call.nmissed);
		EXPECT_EQ(trap.hits + trap.nmissed, calls + trap.hits + call.hits);
		probe_off(&call);
	}
	probe_off(&trap);
	policy_set(POLICY_CONTEXT);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu)
			EXPECT_EQ(*per_cpu_ptr(guard_bits, cpu), 0);
}

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
		begin(POLICY_CONTEXT);
		write_policy("consumer", "policed");
		policed();
		EXPECT_EQ(dropped(GUARD_FUNCTION), 1);
		expect_given_up();
		EXPECT_EQ(dropped(GUARD_FUNCTION), 1 + 1 + CALLS);
		write_policy("consumer", "");
		end();
	}
}

static void hit_again(struct kprobe *p, struct pt_regs *regs) { policed(); }

/* Without a trap in it, a probe's is one of calls, too. */
static void probe_given_up(enum kprobe_technique technique, u64 offset)
{
	struct kprobe p = { .addr = (u64)policed + offset, .pre = hit_again, .technique = technique };

	begin(POLICY_CONTEXT);
	if (probe_on(&p)) {
		kprobe_settle();
		expect_given_up();
		p.hits = 0;
		policed();
		EXPECT_EQ(p.hits, 1);
		probe_off(&p);
	}
	end();
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
		begin(POLICY_CONTEXT);
		EXPECT_EQ(kretprobe_register(&rp, &why), 0);
		EXPECT_EQ(kretprobe_arm(&rp), 0);
		expect_given_up();
		kretprobe_unregister(&rp);
		end();
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

		begin(POLICY_NONE);
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
		end();
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
	begin(POLICY_NONE);
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
	end();
	EXPECT_EQ(context_read() & ~CONTEXT_NO_RESCHED, 0);
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
}

/* The deepest vector of this CPU since the record @mark. */
static u32 deepest_since(u32 mark)
{
	u32 deepest_vector = 0;

	for (; mark < black_box_mark(); mark++)
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

	begin(POLICY_FLAG);
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
			EXPECT(!first_asked || (rcu.nmissed && dropped(GUARD_KPROBE) == 1));
			probe_off(&first);
		}
		probe_off(&rcu);
	}
	kprobe_unsafe = false;
	write_policy("flag_at", "after");
	end();
}

KTEST(policy, a_flag_that_is_asked_first_ends_the_recursion_at_depth_two)
{
	hit_in_rcu_nmi_enter(KPROBE_STEP, true);
	hit_in_rcu_nmi_enter(KPROBE_INT3, true);
	hit_in_rcu_nmi_enter(KPROBE_BOOST, true);
	for (unsigned i = 0; i < stressed(3); i++)
		hit_in_rcu_nmi_enter(KPROBE_STEP, false);
}
