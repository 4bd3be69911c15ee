/* Jumps in place of int3s: that they come by themselves, what their handlers see and may do, and what else runs into them. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/unwind.h"
#include "arch/x86/mm/text_poke.h"
#include "context/irq_work.h"
#include "kernel/nmi.h"
#include "lib/symtab.h"
#include "tests/kernel/kprobe_jumps.h"

/* A branch to the first byte, or behind the fifth, is no reason. */
KTEST(kprobe_jump, int3s_become_jumps_and_leave_the_text_as_it_was)
{
	static const u8 *const codes[] = { jt_four, jt_behind };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct kprobe p = { .addr = (u64)codes[i], .pre = count_hit };
		u8 text[16];

		memcpy(text, codes[i], sizeof(text));
		hits = 0;
		if (!probe_on(&p))
			return;
		EXPECT_EQ(*(volatile u8 *)p.addr, INT3_BYTE); /* at first */
		EXPECT_EQ(run_code(codes[i]), 4);
		EXPECT(jumps(&p));
		EXPECT_EQ(kprobe_technique_of(&p), KPROBE_JUMP);
		EXPECT_EQ(run_code(codes[i]), 4);
		EXPECT_EQ(hits, 2);
		kprobe_disarm(&p);
		EXPECT_EQ(memcmp(text, codes[i], sizeof(text)), 0);
		EXPECT_EQ(run_code(codes[i]), 4);
		EXPECT_EQ(hits, 2);
		EXPECT_EQ(kprobe_arm(&p), 0);
		EXPECT(jumps(&p));
		EXPECT_EQ(run_code(codes[i]), 4);
		EXPECT_EQ(p.hits, 3);
		EXPECT_EQ(p.nmissed, 0);
		probe_off(&p);
		EXPECT_EQ(memcmp(text, codes[i], sizeof(text)), 0);
	}
}

static void check_sp(struct kprobe *p, struct pt_regs *regs)
{
	extern const u8 jt_back[];

	hits += *(u64 *)regs->sp == (u64)jt_back && regs->ip == p->addr && regs->vector == VECTOR_NONE &&
		regs->cs == 8 && regs->ax == 0x1234 && preempt_depth() == 1 && irqs_enabled();
	regs->ax += 0x100;
	regs->bx = 0x5678;
}

KTEST(kprobe_jump, a_handler_sees_all_registers_and_may_change_them)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = check_sp };
	u64 ax = 0x1234, bx = 1;

	hits = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	__asm__ volatile("call jt_four\n.globl jt_back\njt_back:"
			 : "+a"(ax), "+b"(bx)
			 :
			 : "rcx", "memory", "cc");
	probe_off(&p);
	EXPECT_EQ(hits, 1);
	EXPECT_EQ(ax, 0x1338);
	EXPECT_EQ(bx, 0x5678);
}

static void skip(struct kprobe *p, struct pt_regs *regs) { regs->ip += 3; }
static void elsewhere(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = (u64)jt_behind;
	regs->ax = 100;
}

KTEST(kprobe_jump, a_handler_may_send_it_elsewhere)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = elsewhere };
	struct cpu_accounts at_first = accounts_now();

	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 103);
	probe_off(&p);
	p = (struct kprobe){ .addr = (u64)jt_four, .pre = skip }; /* into the jump's own bytes */
	if (!probe_on(&p))
		return;
	EXPECT_EQ(run_code(jt_four), 3);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 3);
	EXPECT_EQ(p.hits, 2);
	probe_off(&p);
	EXPECT_EQ(accounts_now().context_word, at_first.context_word);
	EXPECT_EQ(accounts_now().guard_bits, at_first.guard_bits);
}

static noinline u64 called(u64 n)
{
	barrier();
	return n;
}
static void into_four(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = (u64)jt_four + 3;
	regs->ax = 100;
}

/* Into another's jump, from a function's entry: by the call of one that is alone there, and of two. */
KTEST(kprobe_jump, a_handler_at_an_entry_may_send_it_into_a_jump)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count_hit };
	struct kprobe q = { .addr = (u64)called, .pre = into_four, .technique = KPROBE_FTRACE };
	struct kprobe more = { .addr = (u64)called, .technique = KPROBE_FTRACE };
	struct cpu_accounts at_first = accounts_now();

	hits = 0;
	if (!probe_on(&p) || !probe_on(&q))
		return;
	EXPECT(jumps(&p));
	EXPECT_EQ(called(1), 103);
	if (probe_on(&more)) {
		EXPECT_EQ(called(1), 103);
		probe_off(&more);
	}
	EXPECT_EQ(hits, 0);
	probe_off(&q);
	probe_off(&p);
	EXPECT_EQ(called(1), 1);
	EXPECT_EQ(accounts_now().context_word, at_first.context_word);
	EXPECT_EQ(accounts_now().guard_bits, at_first.guard_bits);
}

static u64 inner_sum;
static void run_inner(struct kprobe *p, struct pt_regs *regs) { inner_sum += run_code(jt_behind); }

/* By the outer's technique: by a jump from a jump the handler is left out, as its guard's context is the same. */
KTEST(kprobe_jump, a_jump_inside_a_handler_is_run_and_counted)
{
	struct kprobe outer = { .addr = (u64)jt_four, .pre = run_inner };
	struct kprobe inner = { .addr = (u64)jt_behind, .pre = count_hit };
	struct cpu_accounts at_first = accounts_now();

	inner_sum = hits = 0;
	if (!probe_on(&outer) || !probe_on(&inner))
		return;
	EXPECT(jumps(&outer) && jumps(&inner));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(inner_sum, 4);
	EXPECT_EQ(outer.hits, 1);
	EXPECT_EQ(inner.hits, 0);
	EXPECT_EQ(inner.nmissed, 1);
	EXPECT_EQ(run_code(jt_behind), 4);
	EXPECT_EQ(inner.hits, 1);
	probe_off(&outer);
	probe_off(&inner);
	EXPECT_EQ(accounts_now().context_word, at_first.context_word);
	EXPECT_EQ(accounts_now().guard_bits, at_first.guard_bits);
}

static u64 irq_sum;
static void run_in_irq(struct irq_work *w) { irq_sum += run_code(jt_four); }
static IRQ_WORK(in_irq, run_in_irq);

static u64 contexts;
static void note_context(struct kprobe *p, struct pt_regs *regs)
{
	contexts |= in_hardirq() ? 1 : 4;
	hits += kprobe_context(regs) == context_read() - PREEMPT_ONE;
	if (!in_task()) /* its guard's own context: once more, and it is left out */
		irq_sum += run_code(jt_four);
}

KTEST(kprobe_jump, a_jump_in_an_interrupt)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = note_context };
	struct cpu_accounts at_first = accounts_now();

	irq_sum = hits = contexts = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	preempt_disable();
	irq_work_queue(&in_irq);
	while (READ_ONCE(irq_sum) < 8)
		cpu_relax();
	preempt_enable();
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(contexts, 1 | 4);
	EXPECT_EQ(hits, 2);
	EXPECT_EQ(p.hits, 2);
	EXPECT_EQ(p.nmissed, 1);
	EXPECT_EQ(irq_sum, 8);
	probe_off(&p);
	EXPECT_EQ(accounts_now().context_word, at_first.context_word);
	EXPECT_EQ(accounts_now().guard_bits, at_first.guard_bits);
}

static struct kprobe nmi_probe;
static u64 wrong_in_nmi;
static void look_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	hits++;
	wrong_in_nmi += !in_real_nmi() || irqs_enabled() || regs->ip != p->addr ||
			regs->vector != VECTOR_NONE || regs->flags & X86_EFLAGS_IF ||
			kprobe_context(regs) != context_read() - PREEMPT_ONE;
}
static void nmi_to_self(struct kprobe *p, struct pt_regs *regs)
{
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
}

/* In what each NMI runs, where a jump can be. */
static bool jump_in_nmi(void)
{
	struct symbol f;

	symtab_find(&kernel_symtab, (u64)nmi_arrived, &f);
	for (u64 at = f.start + SITE_SIZE; at < f.start + f.size; at++) {
		const char *why;

		nmi_probe = (struct kprobe){ .addr = at, .pre = look_in_nmi, .technique = KPROBE_JUMP };
		if (kprobe_register(&nmi_probe, &why) != 0)
			continue;
		EXPECT_EQ(kprobe_arm(&nmi_probe), 0);
		EXPECT(jumps(&nmi_probe));
		return true;
	}
	ktest_fail("no jump in nmi_arrived()", 0, "", 0, 1);
	return false;
}

/* From a thread, and in the middle of a thread's jump: each has its own guard, and the NMI's end is no place to be preempted. */
KTEST(kprobe_jump, a_jump_in_an_nmi)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = nmi_to_self };
	struct cpu_accounts at_first = accounts_now();
	u64 nmis;

	hits = wrong_in_nmi = 0;
	if (!jump_in_nmi())
		return;
	if (probe_on(&p)) {
		EXPECT(jumps(&p));
		preempt_disable();
		nmis = nmi_count;
		nmi_to_self(NULL, NULL);
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(nmi_count - nmis, 2);
		EXPECT_EQ(hits, 2);
		preempt_enable();
		probe_off(&p);
	}
	probe_off(&nmi_probe);
	EXPECT_EQ(nmi_probe.hits, 2);
	EXPECT_EQ(nmi_probe.nmissed, 0);
	EXPECT_EQ(p.nmissed, 0);
	EXPECT_EQ(wrong_in_nmi, 0);
	EXPECT_ACCOUNTS(at_first);
}

static u64 faulted_at;
static bool on_fault(struct kprobe *p, struct pt_regs *regs)
{
	faulted_at = regs->ip;
	regs->ip += 4; /* into the jump's bytes */
	return true;
}
CODE(jt_fault, "", "movq 1(%rcx), %rcx", "incq %rax", "");

/* A fault in the first displaced instruction is the probe's, as everywhere; names of all others are told right. */
KTEST(kprobe_jump, what_runs_in_a_detour_is_at_home_in_its_function)
{
	struct kprobe p = { .addr = (u64)jt_fault, .fault = on_fault }, q = { .addr = (u64)jt_four };
	u64 ax = 1, copies, original;

	if (!probe_on(&p) || !probe_on(&q))
		return;
	EXPECT(jumps(&p) && jumps(&q));
	__asm__ volatile("call jt_fault" : "+a"(ax) : "c"(1ul << 62) : "memory", "cc");
	EXPECT_EQ(faulted_at, (u64)jt_fault);
	EXPECT_EQ(ax, 2);
	copies = (u64)q.site->detour + detour_template.size;
	EXPECT_EQ(text_original((u64)q.site->detour), q.addr);
	EXPECT_EQ(text_original(copies + 3), q.addr + 3);
	EXPECT_EQ(text_original(copies + 6), q.addr + 6); /* the jump back */
	EXPECT_EQ(detour_copy_at(copies + 3, &original), q.site);
	EXPECT_EQ(original, q.addr + 3);
	EXPECT_EQ(detour_copy_at(copies - 1, &original), NULL);
	EXPECT_EQ(text_original(p.addr), p.addr);
	probe_off(&p);
	probe_off(&q);
}

static struct {
	u64 value[8];
	unsigned n;
} seen;
static bool look(void *arg, enum unwind_kind kind, u64 value, const void *frame)
{
	if (seen.n < ARRAY_SIZE(seen.value))
		seen.value[seen.n++] = value;
	return true;
}
static void look_back(struct kprobe *p, struct pt_regs *regs)
{
	seen.n = 0;
	unwind(NULL, __builtin_frame_address(0), look, NULL);
}
static noinline u64 jt_caller(void) { return run_code(jt_four); }
static noinline u64 jt_outer(void) { return jt_caller() + 1; }

KTEST(kprobe_jump, a_backtrace_from_a_handler_leads_through_the_detour)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = look_back };
	struct symbol f = { 0 };
	unsigned at = 0;

	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	EXPECT_EQ(jt_outer(), 5);
	probe_off(&p);
	EXPECT_EQ(seen.value[0], p.addr);
	while (at < seen.n && !(symtab_find(&kernel_symtab, seen.value[at], &f) && f.start == (u64)jt_outer))
		at++;
	EXPECT(at < seen.n);
}
