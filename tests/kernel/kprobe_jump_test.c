/*
 * Jumps in place of int3s: what is refused and why, that they come by themselves and many at once, that they go when
 * anything speaks against them, and leave the text as it was.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/unwind.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/text_poke.h"
#include "context/irq_work.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/bust.h"
#include "kprobe/internal.h"
#include "kprobe/watchpoint.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "sched/work.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "tracefs/tracefs.h"

/* Each counts itself in rax. */
CODE(jt_four, "", "incq %rax", "incq %rax\n\tincq %rax\n\tincq %rax", "");
CODE(jt_branch, "", "incq %rax", "3:\tincq %rax\n\tincl %eax\n\tcmpq $4, %rax\n\tjb 3b", "");
CODE(jt_behind, "", "incq %rax", "incq %rax\n3:\tincl %eax\n\tcmpq $4, %rax\n\tjb 3b", "");
CODE(jt_indirect, "leaq 3f(%rip), %rcx\n\tjmp *%rcx\n3:", "incq %rax", "incq %rax", "");
CODE(jt_end, "", "incq %rax", "nop", "");
CODE(jt_last, "incq %rax", "incq %rax", "", "");
CODE(jt_call, "", "incq %rax", "call jt_four", "");
CODE(jt_expected, "movq %rsp, %rcx", "incq %rax", "movq (%rcx), %rcx\n4:\tincq %rax", EX_TABLE(2b, 4b));
CODE(jt_landing, "movq %rsp, %rcx\n3:\tmovq (%rcx), %rcx", "incq %rax", "incq %rax", EX_TABLE(3b, 2b));
CODE(jt_pushf, "", "pushfq", "popfq\n\tincq %rax\n\tincq %rax", "");
/* A branch from elsewhere, never taken. */
CODE(jt_elsewhere, "", "incq %rax", "incq %rax\n\tincq %rax", "");
CODE(jt_comes, "", "incq %rax", "testq %rsp, %rsp\n\tjz jt_elsewhere + 3", "");
/* It runs on into nowhere. */
__asm__(".pushsection .text\n.type jt_open, @function\njt_open: incq %rax\n.size jt_open, . - jt_open\n\tud2\n.popsection");
extern const u8 jt_open[];

static struct static_key jt_key;
static noinline u64 jt_keyed(u64 x)
{
	if (static_branch_unlikely(&jt_key))
		x += 1000;
	return x + 1;
}
static noinline u64 jt_traced(u64 x) { return x * 3 + 1; }

static u64 run_code(const void *code)
{
	u64 ax = 0;

	__asm__ volatile("call *%1" : "+a"(ax) : "r"(code) : "rcx", "memory", "cc");
	return ax;
}

static void refuse(const char *name, u64 addr, const char *reason)
{
	struct kprobe p = { .addr = addr, .technique = KPROBE_JUMP };
	const char *why = "";
	int err = kprobe_register(&p, &why);

	if (!err)
		kprobe_unregister(&p);
	if (err != -EINVAL || !strstr(why, reason)) {
		ktest_fail(name, 0, why, (u64)(s64)err, (u64)(s64)-EINVAL);
		ktest_comment("%s: \"%s\", and not \"%s\"", name, why, reason);
	}
}

/* Where the instruction that touches @at begins, going from the function's start. */
static u64 before(const void *function, u64 at)
{
	u64 ip = (u64)function, last = ip;
	struct insn insn;
	u8 bytes[INSN_MAX_LENGTH];

	for (; ip < at; ip += insn.length) {
		last = ip;
		if (kprobe_decode(ip, INSN_MAX_LENGTH, bytes, &insn) != 0)
			return 0;
	}
	return last;
}

static u64 key_site(void)
{
	struct symbol f;

	symtab_find(&kernel_symtab, (u64)jt_keyed, &f);
	for (u64 at = f.start; at < f.start + f.size; at++)
		if (static_site_at(at))
			return at;
	return 0;
}

KTEST(kprobe_jump, what_is_refused_and_why)
{
	struct kprobe within = { .addr = jt_four_at[0] + 3 };

	refuse("branch", jt_branch_at[0], "a branch leads into");
	refuse("branch from elsewhere", jt_elsewhere_at[0], "a branch leads into");
	refuse("indirect", jt_indirect_at[0], "an indirect jump");
	refuse("function's end", (u64)jt_open, "the function ends within");
	refuse("last", jt_last_at[0], "can't run from a copy");
	refuse("return", jt_end_at[0], "can't run from a copy");
	refuse("call", jt_call_at[0], "can't run from a copy");
	refuse("itself", jt_pushf_at[0], "can't run from a copy");
	refuse("expected fault", jt_expected_at[0], "is expected to fault");
	refuse("fault's way out", jt_landing_at[0], "a fault's way out");
	refuse("static key", before(jt_keyed, key_site()), "a static key's branch");
	refuse("entry", (u64)jt_traced, "the function tracer's site");
	refuse("scheduler", (u64)preempt_schedule, "a detour itself may end there");
	kprobe_unsafe = true;
	refuse("hidden", (u64)text_poke, "hidden code");
	kprobe_unsafe = false;
	if (!probe_on(&within))
		return;
	refuse("another probe", jt_four_at[0], "another probe");
	probe_off(&within);
}

static u64 hits;
static void count(struct kprobe *p, struct pt_regs *regs) { hits++; }

/* Is it a jump in the text, by now? */
static bool jumps(const struct kprobe *p)
{
	kprobe_settle();
	return *(volatile u8 *)p->addr == JMP32_BYTE && p->site->jump == JUMP_IN;
}

/* A branch to the first byte, or behind the fifth, is no reason. */
KTEST(kprobe_jump, int3s_become_jumps_and_leave_the_text_as_it_was)
{
	static const u8 *const codes[] = { jt_four, jt_behind };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct kprobe p = { .addr = (u64)codes[i], .pre = count };
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

/* What comes over the five bytes has them back at once; when it goes, the jump comes again. */
KTEST(kprobe_jump, what_comes_into_the_five_bytes_takes_the_jump_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count };
	struct kprobe within = { .addr = (u64)jt_four + 3, .pre = count };
	struct watchpoint w = { .addr = (u64)jt_four + 3, .len = 1, .type = WATCH_EXECUTE };
	const char *why;

	hits = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	if (probe_on(&within)) {
		EXPECT_EQ(*(volatile u8 *)p.addr, INT3_BYTE);
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		EXPECT_EQ(within.hits, 1);
		probe_off(&within);
	}
	EXPECT(jumps(&p));
	EXPECT_EQ(watchpoint_register(&w, &why), 0);
	EXPECT_EQ(watchpoint_arm(&w), 0);
	EXPECT(!jumps(&p));
	kprobe_disarm(&p);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT(!jumps(&p));
	watchpoint_unregister(&w);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 3);
	probe_off(&p);
}

KTEST(kprobe_jump, a_post_handler_or_another_technique_takes_the_jump_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count };
	struct kprobe more = { .addr = (u64)jt_four, .post = count };

	hits = 0;
	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	if (probe_on(&more)) {
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		probe_off(&more);
	}
	EXPECT(jumps(&p));
	more = (struct kprobe){ .addr = (u64)jt_four, .technique = KPROBE_STEP };
	if (probe_on(&more)) {
		EXPECT(!jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		probe_off(&more);
	}
	EXPECT(jumps(&p));
	more = (struct kprobe){ .addr = (u64)jt_four, .pre = count };
	hits = 0;
	if (probe_on(&more)) { /* two share the jump */
		EXPECT(jumps(&p));
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 2);
		kprobe_disarm(&p);
		EXPECT_EQ(run_code(jt_four), 4);
		EXPECT_EQ(hits, 3);
		EXPECT_EQ(more.hits, 2);
		probe_off(&more);
	}
	probe_off(&p);
}

static u64 inner_sum;
static void run_inner(struct kprobe *p, struct pt_regs *regs) { inner_sum += run_code(jt_behind); }

/* By the outer's technique: by a jump from a jump the handler is left out, as its guard's context is the same. */
KTEST(kprobe_jump, a_jump_inside_a_handler_is_run_and_counted)
{
	struct kprobe outer = { .addr = (u64)jt_four, .pre = run_inner };
	struct kprobe inner = { .addr = (u64)jt_behind, .pre = count };
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

#define ROW(n) "incq %rax\n\tincq %rax\n\t"
CODE(jt_row, "", "incq %rax",
     "incq %rax\n\t" ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12),
     "");
#define ROW_PROBES 13

static size_t detours_taken(void)
{
	size_t n = 0;

	for (u64 at = DETOUR_AREA; in_detours(at); at += PAGE_SIZE)
		for (u64 i = 0; i < DETOURS_A_PAGE; i++)
			n += slots_owner(&detours, at + i * DETOUR_SIZE) != NULL;
	return n;
}

/* One wait for all; their detours and slots are free again afterwards. */
KTEST(kprobe_jump, many_become_jumps_in_one_round)
{
	static struct kprobe probes[ROW_PROBES];
	extern u64 rcu_tasks_done;
	u64 waits, made = kprobe_jumps_made;
	size_t slots = kprobe_slots_free(), taken = detours_taken(); /* others': a sweep has some */

	kprobe_settle();
	hits = 0;
	for (int i = 0; i < ROW_PROBES; i++) {
		probes[i] = (struct kprobe){ .addr = (u64)jt_row + 6u * (u64)i, .pre = count };
		if (!probe_on(&probes[i]))
			return;
	}
	waits = rcu_tasks_done;
	kprobe_settle();
	EXPECT_EQ(kprobe_jumps_made - made, ROW_PROBES);
	EXPECT(rcu_tasks_done - waits <= 2); /* one may have been on its way */
	EXPECT_EQ(run_code(jt_row), 26);
	EXPECT_EQ(hits, ROW_PROBES);
	for (int i = 0; i < ROW_PROBES; i++)
		probe_off(&probes[i]);
	EXPECT_EQ(run_code(jt_row), 26);
	EXPECT_EQ(hits, ROW_PROBES);
	EXPECT_EQ(kprobe_slots_free(), slots);
	EXPECT_EQ(detours_taken(), taken);
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

static void do_nothing(struct work *w) {}
static WORK(behind, do_nothing);

/* A detour that was busted calls nobody, at once; its jump goes later. */
KTEST(kprobe_jump, a_bust_leaves_a_jump_that_does_nothing)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count },
		      q = { .addr = (u64)jt_behind, .pre = count };
	u8 text[16];

	memcpy(text, jt_four, sizeof(text));
	hits = 0;
	if (!probe_on(&p) || !probe_on(&q))
		return;
	EXPECT(jumps(&p));
	kprobe_disarm(&q);
	EXPECT(bust_disarm_all() >= 1); /* a sweep has more */
	EXPECT_EQ(*(volatile u8 *)p.addr, JMP32_BYTE);
	EXPECT(!p.armed);
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 0);
	optimize_busted();
	schedule_work(&behind);
	flush_work(&behind);
	EXPECT_EQ(memcmp(text, jt_four, sizeof(text)), 0);
	EXPECT_EQ(kprobe_arm(&p), 0);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(hits, 1);
	probe_off(&p);
	probe_off(&q);
}

KTEST(kprobe_jump, the_file_technique_takes_jumps_away)
{
	struct kprobe p = { .addr = (u64)jt_four, .pre = count };

	if (!probe_on(&p))
		return;
	EXPECT(jumps(&p));
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "boost", 5, false), 0);
	EXPECT(!jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "auto", 4, false), 0);
	EXPECT(jumps(&p));
	EXPECT_EQ(run_code(jt_four), 4);
	EXPECT_EQ(p.hits, 2);
	probe_off(&p);
}

/*
 * A thread that was preempted in front of the second instruction: by an interrupt that the first one's handler asks for, and
 * a thread that takes the CPU and doesn't give it back.
 */
CODE(jt_tail, "", "incq %rax", "incq %rax\n\tincl %eax", "");
static struct {
	struct wait_queue queue;
	bool go, there, release;
	u32 cpu;
} tail;

static void wake_taker(struct irq_work *w)
{
	WRITE_ONCE(tail.go, true);
	wake_one(&tail.queue);
}
static IRQ_WORK(waking, wake_taker);
static void interrupt_behind(struct kprobe *p, struct pt_regs *regs) { irq_work_queue(&waking); }

static int take_cpu(void *arg)
{
	wait_event(&tail.queue, READ_ONCE(tail.go));
	WRITE_ONCE(tail.there, true);
	while (!READ_ONCE(tail.release))
		cpu_relax();
	return 0;
}
static int run_into_tail(void *arg) { return (int)run_code(jt_tail); }
static int settle(void *arg)
{
	kprobe_settle();
	return 0;
}

static bool wait_for_state(const struct kprobe *p, enum jump_state state)
{
	for (int i = 0; i < 100000 && READ_ONCE(p->site->jump) < state; i++)
		thread_yield();
	return READ_ONCE(p->site->jump) == state;
}

/* The jump waits; who is hit meanwhile doesn't come into the five bytes, either. */
static void jump_over_sleeper(struct kprobe *p)
{
	struct thread *t;

	*p = (struct kprobe){ .addr = (u64)jt_tail, .pre = count, .technique = KPROBE_JUMP };
	hits = 0;
	if (!probe_on(p))
		return;
	t = thread_create("settler", settle, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));
	EXPECT(wait_for_state(p, JUMP_READY));
	EXPECT(in_detours(p->site->boosted));
	for (int i = 0; i < 1000; i++) {
		hits = 0;
		if (run_code(jt_tail) != 3 || hits != 1)
			ktest_fail("hit while it waits", i, "", hits, 1);
		thread_yield();
	}
	EXPECT_EQ(p->site->jump, JUMP_READY);
	EXPECT_EQ(*(volatile u8 *)p->addr, INT3_BYTE);
	WRITE_ONCE(tail.release, true);
	thread_join(t);
	EXPECT(jumps(p));
	EXPECT_EQ(run_code(jt_tail), 3);
	probe_off(p);
}

KTEST(kprobe_jump, a_thread_preempted_in_the_five_bytes_is_waited_for)
{
	struct kprobe first = { .addr = (u64)jt_tail, .post = interrupt_behind, .technique = KPROBE_STEP };
	static struct kprobe p;
	u32 cpu = this_cpu(cpu_number);
	struct thread *taker, *sleeper;

	if (crowd_cpus() == 1)
		return; /* nobody could look on */
	kprobe_settle();
	thread_set_affinity(1u << cpu);
	tail.cpu = crowd_next_cpu(cpu);
	tail.go = tail.there = tail.release = false;
	wait_queue_init(&tail.queue, "taking a CPU");
	if (!probe_on(&first))
		return;
	taker = thread_create("taker", take_cpu, NULL, PRIORITY_HIGH, 1u << tail.cpu);
	sleeper = thread_create("sleeper", run_into_tail, NULL, PRIORITY_DEFAULT, 1u << tail.cpu);
	while (!READ_ONCE(tail.there))
		thread_yield();
	probe_off(&first);
	jump_over_sleeper(&p);
	WRITE_ONCE(tail.release, true);
	thread_join(taker);
	EXPECT_EQ(thread_join(sleeper), 3);
	thread_set_affinity(CPU_MASK_ALL);
}

/* Preempted in the detour and in the copies, by a timer's turn; nobody is lost when all goes at once. */
static u64 jt_runs;
static bool jt_stop;
static int run_on(void *arg)
{
	u64 wrong = 0;

	while (!READ_ONCE(jt_stop)) {
		for (int i = 0; i < 50; i++)
			wrong += run_code(jt_row) != 26;
		__atomic_fetch_add(&jt_runs, 1, __ATOMIC_RELAXED);
		thread_yield();
	}
	return (int)wrong;
}

KTEST(kprobe_jump, jumps_come_and_go_under_threads)
{
	struct thread *t[3];
	static struct kprobe p, within;

	jt_stop = false;
	hits = 0;
	for (int i = 0; i < 3; i++)
		t[i] = thread_create("runner", run_on, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	for (unsigned i = 0; i < stressed_each(24); i++) {
		u64 at = (u64)jt_row + 6u * (i % ROW_PROBES);

		p = (struct kprobe){ .addr = at, .pre = count };
		within = (struct kprobe){ .addr = at + 3, .pre = count };
		if (!probe_on(&p))
			break;
		EXPECT(jumps(&p));
		thread_yield();
		if (i & 1 && probe_on(&within))
			probe_off(&within);
		probe_off(&p);
	}
	WRITE_ONCE(jt_stop, true);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(thread_join(t[i]), 0);
	EXPECT(hits > 0);
}
