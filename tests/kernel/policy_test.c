/* What each policy of the recursion guard drops, counted; and changing it under those who have taken something by another. */
#include "trace/policy.h"

#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "kernel/traps.h"
#include "kprobe/kretprobe.h"
#include "lib/printf.h"
#include "lib/tracepoint.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/policy_scene.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

#define CALLS 7
#define IRQ   5

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

	policy_begin(policy);
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
	EXPECT_EQ(policy_dropped(GUARD_FUNCTION), policy == POLICY_NONE ? 0 : CALLS);
	policy_end();
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
	EXPECT_EQ(policy_dropped(GUARD_KPROBE), CALLS - hits);
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
	EXPECT_EQ(policy_dropped(GUARD_FUNCTION), CALLS - entries);
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
	EXPECT_EQ(policy_dropped(GUARD_TRACEPOINT), CALLS - kept);
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
				policy_begin((enum guard_policy)p);
				EXPECT_EQ(happens[n].kept(), is_dropped((enum guard_policy)p, n) ? 0 : CALLS);
				policy_end();
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
		policy_begin((enum guard_policy)p);
		EXPECT_EQ(kept_by("p:policy/p policed", "0"), CALLS);
		EXPECT_EQ(kept_by("p:policy/p policed+5 a=%di", "0"), CALLS);
		EXPECT_EQ(kept_by("p:policy/p policed+5 a=%di", "cpu < 64"), CALLS);
		EXPECT_EQ(kept_by("r:policy/p policed", "0"), CALLS);
		EXPECT_EQ(kept_by("r:policy/p policed", "cpu < 64"), CALLS);
		for (unsigned k = 0; k < NR_GUARD_KINDS; k++)
			EXPECT_EQ(policy_dropped((enum guard_kind)k), 0);
		policy_end();
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
