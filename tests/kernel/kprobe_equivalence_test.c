/* A probed instruction does exactly what it does unprobed: every kind, from several states, everything compared. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "tests/kernel/kprobe_cases.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

#define MEMORY_SIZE 512

/* kp_cell and kp_leaf_pointer are named by the cases. */
static u64 kp_cell[3] __used;
static const u64 kp_leaf_pointer[2] __used;
static u8 memory[MEMORY_SIZE] __aligned(16);

/* Keeps its return address and counts. */
CODE(kp_leaf, "movq (%rsp), %r10", "leaq 1(%r11), %r11", "", "");
static const u64 kp_leaf_pointer[2] = { (u64)kp_leaf };

#define DEFINE_CASE(name, before, insn, after) CODE(kp_##name, before, insn, after, "");
KPROBE_CASES(DEFINE_CASE)

#define LIST_CASE(name, before, insn, after) { #name, kp_##name, kp_##name##_at },
static const struct probe_case {
	const char *name;
	const u8 *code;
	const u64 *at;
} cases[] = { KPROBE_CASES(LIST_CASE) };

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

static void run(const struct probe_case *c, size_t n, struct outcome *out)
{
	fill_memory();
	out->m = state(n);
	machine_run(&out->m, c->code);
	memcpy(out->cell, kp_cell, sizeof(kp_cell));
	memcpy(out->memory, memory, sizeof(memory));
}

static void compare(const struct probe_case *c, size_t n, struct kprobe *p)
{
	static struct outcome plain, probed;
	struct cpu_accounts before = accounts_now();

	run(c, n, &plain);
	p->hits = p->nmissed = 0;
	EXPECT_EQ(kprobe_arm(p), 0);
	run(c, n, &probed);
	kprobe_disarm(p);
	machine_expect_same(c->name, (int)n, &probed.m, &plain.m);
	if (memcmp(probed.cell, plain.cell, sizeof(plain.cell)) != 0 ||
	    memcmp(probed.memory, plain.memory, sizeof(plain.memory)) != 0)
		ktest_fail(c->name, (int)n, "memory", 0, 0);
	if (p->hits != 1 || p->nmissed)
		ktest_fail(c->name, (int)n, "hits", p->hits, 1);
	EXPECT_ACCOUNTS(before);
}

static void compare_case(const struct probe_case *c, enum kprobe_technique technique)
{
	struct kprobe p = { .addr = c->at[0], .technique = technique };
	const char *why = NULL;
	u8 text[64];
	int err;

	memcpy(text, c->code, sizeof(text));
	err = kprobe_register(&p, &why);
	if (err == -EINVAL && technique)
		return; /* it doesn't apply */
	if (err) {
		ktest_fail(c->name, 0, why, (u64)(s64)err, 0);
		return;
	}
	for (size_t n = 0; n < ARRAY_SIZE(states); n++)
		compare(c, n, &p);
	kprobe_unregister(&p);
	EXPECT_EQ(memcmp(text, c->code, sizeof(text)), 0);
}

KTEST(kprobe, a_probed_instruction_does_what_it_did)
{
	for (enum kprobe_technique t = KPROBE_AUTO; t <= KPROBE_BOOST; t++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			compare_case(&cases[i], t);
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
