/* A probed instruction does exactly what it does unprobed: every kind, from several states, everything compared. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/nmi.h"
#include "kprobe/internal.h"
#include "lib/printf.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/kprobe_cases.h"
#include "tests/kernel/kprobe_chains.h"
#include "tests/kernel/kprobe_forms.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

#define MEMORY_SIZE 512

/* kp_cell and kp_leaf_pointer are named by the cases. */
static u64 kp_cell[3] __used;
static const u64 kp_leaf_pointer[2] __used;
static u8 memory[MEMORY_SIZE] __aligned(16);

/* Keeps its return address and counts. */
CODE(kp_leaf, "movq (%rsp), %r10", "leaq 1(%r11), %r11", "", "");
static const u64 kp_leaf_pointer[2] = { (u64)kp_leaf };

/* The nop at the end leaves room for a jump. */
#define DEFINE_CASE(name, before, insn, after) \
	CODE(kp_##name, before, insn, after "\n\t.byte 0x0f, 0x1f, 0x44, 0x00, 0x00", "");
KPROBE_CASES(DEFINE_CASE)
KPROBE_FORMS(DEFINE_CASE)
KPROBE_POPCNT_FORMS(DEFINE_CASE)
KPROBE_MOVBE_FORMS(DEFINE_CASE)
KPROBE_CRC32_FORMS(DEFINE_CASE)
KPROBE_BMI1_FORMS(DEFINE_CASE)
KPROBE_BMI2_FORMS(DEFINE_CASE)
KPROBE_ADX_FORMS(DEFINE_CASE)

/* What only some CPUs have. */
enum cpu_needs { ALL_CPUS, POPCNT, MOVBE, CRC32, BMI1, BMI2, ADX, NR_NEEDS };

#define LIST_CASE(name, before, insn, after)   { #name, kp_##name, kp_##name##_at, ALL_CPUS },
#define LIST_POPCNT(name, before, insn, after) { #name, kp_##name, kp_##name##_at, POPCNT },
#define LIST_MOVBE(name, before, insn, after)  { #name, kp_##name, kp_##name##_at, MOVBE },
#define LIST_CRC32(name, before, insn, after)  { #name, kp_##name, kp_##name##_at, CRC32 },
#define LIST_BMI1(name, before, insn, after)   { #name, kp_##name, kp_##name##_at, BMI1 },
#define LIST_BMI2(name, before, insn, after)   { #name, kp_##name, kp_##name##_at, BMI2 },
#define LIST_ADX(name, before, insn, after)    { #name, kp_##name, kp_##name##_at, ADX },
static const struct probe_case {
	const char *name;
	const u8 *code;
	const u64 *at;
	enum cpu_needs needs;
} cases[] = { KPROBE_CASES(LIST_CASE) KPROBE_FORMS(LIST_CASE) KPROBE_POPCNT_FORMS(LIST_POPCNT)
		      KPROBE_MOVBE_FORMS(LIST_MOVBE) KPROBE_CRC32_FORMS(LIST_CRC32)
			      KPROBE_BMI1_FORMS(LIST_BMI1) KPROBE_BMI2_FORMS(LIST_BMI2)
				      KPROBE_ADX_FORMS(LIST_ADX) };
static_assert(ARRAY_SIZE(cases) >= 300, "forms");

static bool cpu_has(enum cpu_needs what)
{
	u32 one[4], seven[4];

	cpuid(1, 0, one);
	cpuid(7, 0, seven);
	const bool has[NR_NEEDS] = { true,
				     one[2] >> 23 & 1,
				     one[2] >> 22 & 1,
				     one[2] >> 20 & 1,
				     seven[1] >> 3 & 1,
				     seven[1] >> 8 & 1,
				     seven[1] >> 19 & 1 };
	return has[what];
}

/* Each arithmetic flag both ways, interrupts on and off, strings up and down, from no round to eight. */
static const struct {
	u64 flags, cx, dx;
} states[] = {
	{ 0x203, 0, 0x1122 }, { 0x046, 1, 3 }, { 0xc93, 5, ~0ul }, { 0x202, 8, 0 }, { 0xad6, 2, 1ul << 63 },
};

static struct machine state(size_t n)
{
	struct machine m = machine_pattern;

	m.di = (u64)memory + MEMORY_SIZE / 4;
	m.si = (u64)memory + MEMORY_SIZE / 4 * 3;
	m.bx = (u64)kp_leaf;
	m.r12 = (u64)kp_leaf_pointer;
	m.cx = states[n].cx;
	m.dx = states[n].dx;
	m.flags = states[n].flags;
	return m;
}

static void fill_memory(void)
{
	for (size_t i = 0; i < MEMORY_SIZE; i++)
		memory[i] = (u8)(i % 3 ? i * 7 : 0x11);
	for (size_t i = 0; i < ARRAY_SIZE(kp_cell); i++)
		kp_cell[i] = 0xfedcba9876543210 + i * 0x1111;
}

struct outcome {
	struct machine m;
	u64 cell[ARRAY_SIZE(kp_cell)];
	u8 memory[MEMORY_SIZE];
};

static u64 runs;

static void run(const struct probe_case *c, size_t n, struct outcome *out)
{
	WRITE_ONCE(runs, runs + 1);
	fill_memory();
	out->m = state(n);
	machine_run(&out->m, c->code);
	memcpy(out->cell, kp_cell, sizeof(kp_cell));
	memcpy(out->memory, memory, sizeof(memory));
}

static struct outcome unprobed[ARRAY_SIZE(states)];

static void compare(const struct probe_case *c, size_t n, struct kprobe *p)
{
	static struct outcome probed;

	p->hits = p->nmissed = 0;
	run(c, n, &probed);
	machine_expect_same(c->name, (int)n, &probed.m, &unprobed[n].m);
	if (memcmp(probed.cell, unprobed[n].cell, sizeof(probed.cell)) != 0 ||
	    memcmp(probed.memory, unprobed[n].memory, sizeof(probed.memory)) != 0)
		ktest_fail(c->name, (int)n, "memory", 0, 0);
	if (p->hits != 1 || p->nmissed)
		ktest_fail(c->name, (int)n, "hits", p->hits, 1);
}

/* Armed once for all states: that is what takes long, on many CPUs. */
static void compare_states(const struct probe_case *c, struct kprobe *p)
{
	struct cpu_accounts before = accounts_now();

	for (size_t n = 0; n < ARRAY_SIZE(states); n++)
		run(c, n, &unprobed[n]);
	EXPECT_EQ(kprobe_arm(p), 0);
	for (size_t n = 0; n < ARRAY_SIZE(states); n++)
		compare(c, n, p);
	kprobe_disarm(p);
	EXPECT_ACCOUNTS(before);
}

static void no_post(struct kprobe *p, struct pt_regs *regs) {}

/* Does the technique apply to it? */
static bool compare_case(const struct probe_case *c, enum kprobe_technique technique, bool post)
{
	struct kprobe p = { .addr = c->at[0], .technique = technique, .post = post ? no_post : NULL };
	const char *why = NULL;
	u8 text[64];
	int err;

	memcpy(text, c->code, sizeof(text));
	err = kprobe_register(&p, &why);
	if (err == -EINVAL && technique)
		return false; /* it doesn't apply */
	if (err) {
		ktest_fail(c->name, 0, why, (u64)(s64)err, 0);
		return false;
	}
	compare_states(c, &p);
	kprobe_unregister(&p);
	EXPECT_EQ(memcmp(text, c->code, sizeof(text)), 0);
	return true;
}

/* How many of the cases the technique must apply to; what it refuses all of a sudden is no equivalence. */
static const struct {
	enum kprobe_technique technique;
	unsigned at_least;
} techniques[] = {
	{ KPROBE_AUTO, 490 },	 { KPROBE_STEP, 480 },	{ KPROBE_INT3, 380 },
	{ KPROBE_EMULATE, 120 }, { KPROBE_BOOST, 380 },
};

/* Many at once, since they become jumps at once: of what they did unprobed a sum is kept. */
#define JUMPS_AT_ONCE 64

static u64 sum_of(const struct probe_case *c, size_t n)
{
	static struct outcome o;
	u64 sum = 0xcbf29ce484222325;

	run(c, n, &o);
	for (size_t i = 0; i < sizeof(o); i++)
		sum = (sum ^ ((const u8 *)&o)[i]) * 0x100000001b3;
	return sum;
}

static bool jump_on(const struct probe_case *c, struct kprobe *p)
{
	const char *why = "";
	int err;

	*p = (struct kprobe){ .addr = c->at[0], .technique = KPROBE_JUMP };
	if (!cpu_has(c->needs))
		return false;
	err = kprobe_register(p, &why);
	if (err && (err != -EINVAL || (!strstr(why, "No jump") && !strstr(why, "displaced"))))
		ktest_fail(c->name, 0, why, (u64)(s64)err, 0);
	return !err && kprobe_arm(p) == 0;
}

static void compare_jump(const struct probe_case *c, struct kprobe *p, const u64 *sums)
{
	if (p->site->jump != JUMP_IN)
		ktest_fail(c->name, 0, "no jump", p->site->jump, JUMP_IN);
	for (size_t n = 0; n < ARRAY_SIZE(states); n++) {
		p->hits = p->nmissed = 0;
		if (sum_of(c, n) != sums[n])
			ktest_fail(c->name, (int)n, "not what it did", 0, 0);
		if (p->hits != 1 || p->nmissed)
			ktest_fail(c->name, (int)n, "hits", p->hits, 1);
	}
}

static unsigned compare_jumps(size_t first)
{
	static struct kprobe probes[JUMPS_AT_ONCE];
	static u64 sums[JUMPS_AT_ONCE][ARRAY_SIZE(states)];
	unsigned done = 0;
	size_t end = first + JUMPS_AT_ONCE < ARRAY_SIZE(cases) ? first + JUMPS_AT_ONCE : ARRAY_SIZE(cases);

	for (size_t i = first; i < end; i++) {
		for (size_t n = 0; cpu_has(cases[i].needs) && n < ARRAY_SIZE(states); n++)
			sums[i - first][n] = sum_of(&cases[i], n);
		if (!jump_on(&cases[i], &probes[i - first]))
			probes[i - first].addr = 0;
	}
	kprobe_settle();
	for (size_t i = first; i < end; i++) {
		struct kprobe *p = &probes[i - first];

		if (!p->addr)
			continue;
		compare_jump(&cases[i], p, sums[i - first]);
		kprobe_unregister(p);
		done++;
	}
	return done;
}

static void compare_all_jumps(const char *how)
{
	unsigned done = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i += JUMPS_AT_ONCE)
		done += compare_jumps(i);
	if (done < 370)
		ktest_fail("jump", 0, how, done, 370);
	ktest_comment("jump, %s: %u of %lu forms", how, done, ARRAY_SIZE(cases));
}

#define DEFINE_CHAIN(name, code) CODE(kp_chain_##name, "", code, "", "");
#define LIST_CHAIN(name, code)	 { #name, kp_chain_##name, kp_chain_##name##_at, ALL_CPUS },
KPROBE_CHAINS(DEFINE_CHAIN)
static const struct probe_case chains[] = { KPROBE_CHAINS(LIST_CHAIN) };

/* Encodings met so far: all bytes but displacement and immediate. */
static struct encodings {
	unsigned n;
	u64 seen[511];
} * encodings;

static bool is_new(const struct insn *insn, const u8 *bytes)
{
	size_t len = insn->disp_size ? insn->disp_offset : insn->imm_size ? insn->imm_offset : insn->length;
	u64 key = (u64)insn->length << 56;

	for (size_t i = 0; i < len && i < 7; i++)
		key |= (u64)bytes[i] << 8 * i;
	for (unsigned i = 0; i < encodings->n; i++)
		if (encodings->seen[i] == key)
			return false;
	if (encodings->n < ARRAY_SIZE(encodings->seen))
		encodings->seen[encodings->n++] = key;
	return true;
}

/* Each instruction of it that can be emulated. */
static void compare_chain(const struct probe_case *chain)
{
	char name[32];
	struct probe_case c = *chain;
	struct insn insn;

	c.name = name;
	for (u64 at = chain->at[0]; at < chain->at[1]; at += insn.length) {
		if (insn_decode(&insn, (const u8 *)at, INSN_MAX_LENGTH) != 0) {
			ktest_fail(chain->name, 0, "no instruction", at, chain->at[0]);
			return;
		}
		snprintf(name, sizeof(name), "%s+%lu", chain->name, at - chain->at[0]);
		c.at = &at;
		if (emulate_choose(&insn) && is_new(&insn, (const u8 *)at))
			EXPECT(compare_case(&c, KPROBE_EMULATE, false));
	}
}

static void compare_all_chains(const char *how)
{
	u64 frame = frame_alloc();

	EXPECT(frame);
	if (!frame)
		return;
	encodings = phys_to_virt(frame);
	encodings->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		compare_chain(&chains[i]);
	EXPECT(encodings->n >= 300 && encodings->n < ARRAY_SIZE(encodings->seen));
	ktest_comment("emulate, %s: %u encodings in chains", how, encodings->n);
	frames_free(frame, 1);
}

/* The tracer's call has one form only: a nop of five bytes at a function's entry. */
static noinline u64 entry_form(u64 a, u64 b) { return (u64)memory + a * b; }

static void compare_entry(const char *how)
{
	const u64 at = (u64)entry_form;
	const struct probe_case c = { "entry", (const u8 *)entry_form, &at, ALL_CPUS };

	EXPECT(compare_case(&c, KPROBE_FTRACE, false));
	ktest_comment("ftrace, %s: 1 of 1 form", how);
}

static void compare_all(const char *how)
{
	compare_all_jumps(how);
	compare_entry(how);
	for (size_t t = 0; t < ARRAY_SIZE(techniques); t++) {
		unsigned done = 0;

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			if (!cpu_has(cases[i].needs))
				continue;
			done += compare_case(&cases[i], techniques[t].technique, false);
			if (cmdline.stress > 1 || i % 8 == 0)
				compare_case(&cases[i], techniques[t].technique, true);
		}
		if (done < techniques[t].at_least)
			ktest_fail(kprobe_technique_names[techniques[t].technique], 0, how, done,
				   techniques[t].at_least);
		ktest_comment("%s, %s: %u of %lu forms", kprobe_technique_names[techniques[t].technique], how,
			      done, ARRAY_SIZE(cases));
	}
}

KTEST(kprobe, a_probed_instruction_does_what_it_did)
{
	compare_all("undisturbed");
	compare_all_chains("undisturbed");
}

/*
 * A timer that is due again at once, and another CPU's NMIs where there is one. Where nothing gets done in between, as interrupts
 * cost more than that (CPUs that the host hasn't got wait for each other at each), the next comes later.
 */
#define STORM_NS     20000
#define STORM_MAX_NS 5000000

static u64 storm_ticks;
static bool storm_on;

static void storm_tick(struct timer *t)
{
	static u64 then, wait = STORM_NS;

	storm_ticks++;
	wait = then != runs ? STORM_NS : min(2 * wait, (u64)STORM_MAX_NS);
	then = runs;
	if (READ_ONCE(storm_on))
		timer_set(t, trace_clock() + wait);
}

static int storm_nmis(void *target)
{
	u64 sent = 0;

	for (; READ_ONCE(storm_on); sent++) {
		u64 then = READ_ONCE(runs);

		nmi_send((u32)(u64)target);
		for (int i = 0; i < 200 || (i < 20000 && READ_ONCE(runs) == then); i++)
			cpu_relax();
		thread_yield(); /* a jump waits for each thread to have left its place */
	}
	return sent > 0;
}

KTEST(kprobe, a_probed_instruction_does_what_it_did_under_interrupts)
{
	static struct timer storm;
	u32 cpu = this_cpu(cpu_number);
	struct thread *sender = NULL;

	thread_set_affinity(1u << cpu);
	storm_on = true;
	storm_ticks = 0;
	timer_init(&storm, storm_tick);
	timer_set(&storm, trace_clock());
	if (crowd_cpus() > 1)
		sender = thread_create("nmis", storm_nmis, (void *)(u64)cpu, PRIORITY_DEFAULT,
				       1u << crowd_next_cpu(cpu));
	compare_all("under interrupts");
	if (cmdline.stress > 1)
		compare_all_chains("under interrupts");
	WRITE_ONCE(storm_on, false);
	if (sender)
		EXPECT_EQ(thread_join(sender), 1);
	timer_cancel(&storm);
	preempt_disable();
	nmi_settle();
	preempt_enable();
	thread_set_affinity(CPU_MASK_ALL);
	EXPECT(storm_ticks > 100);
}

CODE(kp_loop_back, "movl $5, %ecx\n\txorl %eax, %eax\n3:\tincq %rax", "loop 3b", "", "");
CODE(kp_jump_to_itself, "movl $5, %ecx", "loop 1b", "", "");

KTEST(kprobe, each_round_of_a_loop_is_a_hit)
{
	const u8 *const codes[] = { kp_loop_back, kp_jump_to_itself };
	const u64 at[] = { kp_loop_back_at[0], kp_jump_to_itself_at[0] };

	for (int i = 0; i < 2; i++) {
		struct kprobe p = { .addr = at[i] };
		struct machine m = machine_pattern;

		m.flags = 2;
		if (!probe_on(&p))
			return;
		machine_run(&m, codes[i]);
		probe_off(&p);
		EXPECT_EQ(p.hits, 5);
		EXPECT_EQ(m.cx, 0);
		EXPECT_EQ(m.ax, i ? machine_pattern.ax : 5);
	}
}

/* All instructions of a piece of code at once, its copies side by side in the slots. */
CODE(kp_many, "pushq %rbp\n\tmovq %rsp, %rbp\n\taddq %r9, %r8\n\tpushfq\n\tmovq kp_cell(%rip), %r10",
     "call kp_leaf", "popfq\n\tadcq $1, %r8\n\tleave", "");

KTEST(kprobe, every_instruction_of_a_function_at_once)
{
	static struct kprobe probes[16];
	struct insn insn;
	const char *why;
	struct machine plain = machine_pattern, probed;
	size_t n = 0;

	plain.flags = 0x202;
	probed = plain;
	machine_run(&plain, kp_many);
	for (u64 at = (u64)kp_many; n < ARRAY_SIZE(probes);) {
		probes[n].addr = at;
		if (!probe_on(&probes[n]))
			break;
		if (kprobe_check(at, &insn, &why) != 0)
			break;
		at += insn.length;
		n++;
		if (insn.class == INSN_RET)
			break;
	}
	EXPECT_EQ(n, 10);
	machine_run(&probed, kp_many);
	machine_expect_same("all at once", 0, &probed, &plain);
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(probes[i].hits, 1);
		EXPECT_EQ(probes[i].nmissed, 0);
		probe_off(&probes[i]);
	}
}
