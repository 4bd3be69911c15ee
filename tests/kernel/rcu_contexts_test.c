/*
 * What RCU says in each context: a table of how to get there and what must be found, and the same table as it was
 * found, printed into the report. tests/samples/rcu-contexts.txt is how it must read.
 */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "kernel/traps.h"
#include "kprobe/watchpoint.h"
#include "lib/debug.h"
#include "mm/space.h"
#include "sched/thread.h"
#include "tests/kernel/contexts_user.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/ring3.h"

#define LOOKS 10000000 /* at another CPU, until it is as it must be */

CODE(contexts_nop, "", "nop", "", "");

struct row {
	const char *name;
	void (*context)(void (*event)(void)); /* gets there, and has the event there */
	void (*event)(void);
	struct {
		struct kprobe probe;
		u64 at; /* where no probe may be: an instruction, and who looks before it */
		void (*stop)(struct watchpoint *w, struct pt_regs *regs);
	} by; /* who looks, unless the event itself does */
	struct want {
		u32 watching, nesting, nmi_nesting;
		const char *in;
	} want;
};
static const struct row *now;

/* What was found: judged and printed later, when RCU watches again. */
static struct {
	unsigned looks;
	struct cpu_accounts found;
	bool agrees; /* in_task() and its kin with the context word */
} seen;

/* Last, since another CPU may be waiting for it. */
static void looked(void) { __atomic_store_n(&seen.looks, seen.looks + 1, __ATOMIC_RELEASE); }

static bool word_in_hardirq(u32 word) { return word & HARDIRQ_MASK; }
static bool word_in_nmi(u32 word) { return word >> NMI_SHIFT; }
static bool word_in_task(u32 word) { return !word_in_hardirq(word) && !word_in_nmi(word); }

/* Here and now. */
static void look(void)
{
	u32 word = context_read();

	accounts_save(&seen.found);
	seen.agrees = in_task() == word_in_task(word) && in_hardirq() == word_in_hardirq(word) &&
		      in_nmi() == word_in_nmi(word) && rcu_is_watching() == (seen.found.watch.counter & 1);
	looked();
}
static void look_here(struct kprobe *p, struct pt_regs *regs) { look(); }

/* A trap's record holds what it interrupted. So the probe that looks isn't part of what it sees. */
static void look_at_record(const struct trap_record *t)
{
	seen.found = t->before;
	seen.agrees = true;
	looked();
}
static void look_around(struct kprobe *p, struct pt_regs *regs) { look_at_record(this_cpu(trap_top)); }
/* And one trap further out: what the trap found in which the probe is. */
static void look_outside(struct kprobe *p, struct pt_regs *regs)
{
	look_at_record(this_cpu(trap_top)->outer);
}
/* The same by a watchpoint, the first time that it is hit. */
static void stop_and_look(struct watchpoint *w, struct pt_regs *regs)
{
	if (!seen.looks)
		look();
}
static void stop_and_look_around(struct watchpoint *w, struct pt_regs *regs)
{
	if (!seen.looks)
		look_at_record(this_cpu(trap_top));
}
/* At an exception's first instruction: only if user mode was interrupted, as the sweep's probes come this way, too. */
static void stop_at_users(struct watchpoint *w, struct pt_regs *regs)
{
	const u64 *frame = (const u64 *)regs->sp; /* ip, cs, … */

	if (frame[1] & 3)
		stop_and_look_around(w, regs);
}
static void look_at_page(struct kprobe *p, struct pt_regs *regs)
{
	if (regs->si == USER_PAGE_TOUCHED)
		look_around(p, regs);
}

/* arch/x86/entry/: the first instructions of the kernel's, and its last. */
extern const u8 asm_syscall[], asm_exc_int3[];
extern const u8 asm_syscall_exit_user_stack[] __asm__("asm_syscall_exit.user_stack");

/* Events. */

static void nop(void)
{
	struct machine m = machine_pattern;

	m.flags = 2;
	machine_run(&m, contexts_nop);
}
static void nmi(void)
{
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2" ::: "memory");
}
static void fault(void)
{
	u8 byte;

	kernel_read_nofault(&byte, (void *)0x6000, 1);
}

/* Ring 3: the run is the event. */

static void look_at_end(struct pt_regs *regs) { look(); }
static void leave_here(void) { ring3_leave(this_cpu(cpu_number)); }
static void look_and_leave(void)
{
	look();
	leave_here();
}

static void user_ends_by(const u8 *program, u64 vector)
{
	ring3_witness = look_at_end;
	EXPECT_EQ(ring3_run(program, 0), vector);
	ring3_witness = NULL;
}
static void user_ud(void) { user_ends_by(ring3_ud, X86_TRAP_UD); }
static void user_int3(void) { user_ends_by(ring3_int3, X86_TRAP_BP); }
static void user_step(void) { user_ends_by(ring3_step, X86_TRAP_DB); }
static void user_nmi(void)
{
	nmi_expect(this_cpu(cpu_number));
	EXPECT_EQ(ring3_run(ring3_nmi, 0), X86_TRAP_UD);
}
static void user_syscall(void) { EXPECT_EQ(ring3_run(ring3_syscall, 0), X86_TRAP_UD); }
static void user_int3_alone(void) { EXPECT_EQ(ring3_run(ring3_int3, 0), X86_TRAP_BP); }
static void irq(void) { in_irq(look); }
/* Interrupts are off until ring 3. */
static void user_irq(void)
{
	send_irq(look_and_leave);
	EXPECT_EQ(ring3_run(ring3_spin, 0), X86_TRAP_UD);
}
static void user_irq_then_nmi(void)
{
	nmi_expect(this_cpu(cpu_number));
	send_irq(leave_here);
	EXPECT_EQ(ring3_run(ring3_spin_nmi, 0), X86_TRAP_UD);
}

static bool as_wanted(const struct watch *w, const struct want *want)
{
	return (w->counter & 1) == want->watching && w->nesting == want->nesting &&
	       w->nmi_nesting == want->nmi_nesting;
}

/* It may be on its way there still, or in an interrupt: the last look counts. */
static void look_there(void)
{
	const volatile struct watch *w = per_cpu_ptr(watch, other_cpu);
	unsigned n = 0;

	do {
		seen.found.watch = (struct watch){ w->counter, w->nesting, w->nmi_nesting };
		seen.found.context_word = READ_ONCE(*per_cpu_ptr(context_word, other_cpu));
		cpu_relax();
	} while (!as_wanted(&seen.found.watch, &now->want) && ++n < LOOKS);
	seen.agrees = true;
	looked();
}
static void look_if_other(void *arg)
{
	if (this_cpu(cpu_number) == other_cpu)
		look();
}
static void ipi_there(void) { smp_call_others(look_if_other, NULL); }
static void look_there_after_ipi(void)
{
	smp_serialize_others();
	look_there();
}
static void nmi_there(void)
{
	nmi_send(other_cpu);
	while (!__atomic_load_n(&seen.looks, __ATOMIC_ACQUIRE))
		cpu_relax();
}

/* The nesting of NMI-like contexts is 2 for each, but 1 for the one that had to start the watching. */
/* clang-format off */
#define NOBODY {}
#define AT_NOP(handler) { .probe = { .addr = (u64)contexts_nop, .pre = (handler) } }
#define AFTER_NOP(handler) { .probe = { .addr = (u64)contexts_nop, .post = (handler) } }
#define AT_NMI(handler) { .probe = { .addr = (u64)nmi_arrived, .pre = (handler), .technique = KPROBE_STEP } }
#define AT_PAGE { .probe = { .addr = (u64)space_fault, .pre = look_at_page, .technique = KPROBE_STEP } }
#define AROUND(place) { .at = (u64)(place), .stop = stop_and_look_around }
#define AROUND_OF_USERS(place) { .at = (u64)(place), .stop = stop_at_users }
#define HERE(place) { .at = (u64)(place), .stop = stop_and_look }
#define AT_FAULT(handler) { .probe = { .addr = (u64)extable_fixup, .pre = (handler), .technique = KPROBE_STEP } }
static const struct row here[] = {
	{ "thread",			in_thread, look, NOBODY,		{ 1, 1, 0, "task" } },
	{ "thread, interrupts off",	with_irqs_off, look, NOBODY,			{ 1, 1, 0, "task" } },
	{ "idle",			in_idle, look, NOBODY,			{ 0, 0, 0, "task" } },
	{ "user mode",			in_thread, user_nmi, AT_NMI(look_outside), { 0, 0, 0, "task" } },
	{ "user mode, after an irq",	with_irqs_off, user_irq_then_nmi, AT_NMI(look_outside), { 0, 0, 0, "task" } },
	{ "irq in a thread",		in_irq, look, NOBODY,			{ 1, 2, 0, "hardirq" } },
	{ "irq in idle",		in_irq_in_idle, look, NOBODY,		{ 1, 1, 0, "hardirq" } },
	{ "irq in user mode",		with_irqs_off, user_irq, NOBODY,		{ 1, 1, 0, "hardirq" } },
	{ "fault in a thread",		in_thread, fault, AT_FAULT(look_around), { 1, 2, 0, "task" } },
	{ "fault in idle",		in_idle, fault, AT_FAULT(look_around),	{ 1, 1, 0, "task" } },
	{ "fault in user mode",		in_thread, user_ud, NOBODY,		{ 1, 1, 0, "task" } },
	{ "NMI in a thread",		in_thread, nmi, AT_NMI(look_around),	{ 1, 1, 2, "nmi" } },
	{ "NMI, interrupts off",	with_irqs_off, nmi, AT_NMI(look_around),	{ 1, 1, 2, "nmi" } },
	{ "NMI in an irq",		in_irq, nmi, AT_NMI(look_around),	{ 1, 2, 2, "hardirq+nmi" } },
	{ "NMI in an irq in idle",	in_irq_in_idle, nmi, AT_NMI(look_around), { 1, 1, 2, "hardirq+nmi" } },
	{ "NMI in idle",		in_idle, nmi, AT_NMI(look_around),	{ 1, 0, 1, "nmi" } },
	{ "NMI in user mode",		in_thread, user_nmi, AT_NMI(look_around), { 1, 0, 1, "nmi" } },
	{ "int3 in a thread",		in_thread, nop, AT_NOP(look_here),	{ 1, 1, 2, "trap" } },
	{ "int3 in an irq",		in_irq, nop, AT_NOP(look_here),		{ 1, 2, 2, "hardirq+trap" } },
	{ "int3 in an NMI",		in_thread, nmi, AT_NMI(look_here),	{ 1, 1, 4, "nmi+trap" } },
	{ "int3 in an NMI in idle",	in_idle, nmi, AT_NMI(look_here),	{ 1, 0, 3, "nmi+trap" } },
	{ "int3 in idle",		in_idle, nop, AT_NOP(look_here),	{ 1, 0, 1, "trap" } },
	{ "int3 in user mode",		in_thread, user_int3, NOBODY,		{ 1, 1, 0, "task" } },
	{ "#DB in a thread",		in_thread, nop, AFTER_NOP(look_here),	{ 1, 1, 2, "trap" } },
	{ "#DB in idle",		in_idle, nop, AFTER_NOP(look_here),	{ 1, 0, 1, "trap" } },
	{ "#DB in user mode",		in_thread, user_step, NOBODY,		{ 1, 1, 0, "task" } },
}, users[] = {
	{ "system call",		in_syscall, look, NOBODY,		{ 1, 1, 0, "task" } },
	{ "irq in a system call",	in_syscall, irq, NOBODY,		{ 1, 2, 0, "hardirq" } },
	{ "fault in a system call",	in_syscall, fault, AT_FAULT(look_around), { 1, 2, 0, "task" } },
	{ "NMI in a system call",	in_syscall, nmi, AT_NMI(look_around),	{ 1, 1, 2, "nmi" } },
	{ "int3 in a system call",	in_syscall, nop, AT_NOP(look_here),	{ 1, 1, 2, "trap" } },
	{ "#DB in a system call",	in_syscall, nop, AFTER_NOP(look_here),	{ 1, 1, 2, "trap" } },
	{ "system call, first instr.", in_thread, user_syscall, AROUND(asm_syscall), { 0, 0, 0, "task" } },
	{ "#DB at a system call's first instr.", in_thread, user_syscall, HERE(asm_syscall), { 1, 0, 1, "trap" } },
	{ "system call, last instr. but one",	in_thread, user_syscall, AROUND(asm_syscall_exit_user_stack), { 0, 0, 0, "task" } },
	{ "#DB at its last instr. but one",	in_thread, user_syscall, HERE(asm_syscall_exit_user_stack), { 1, 0, 1, "trap" } },
	{ "int3 in user mode, first instr.", in_thread, user_int3_alone, AROUND_OF_USERS(asm_exc_int3), { 0, 0, 0, "task" } },
	{ "page fault of a process",	in_thread, user_touches_page, AT_PAGE,	{ 1, 1, 0, "task" } },
	{ "NMI in a fault in user mode", in_user_exception, nmi, AT_NMI(look_around), { 1, 1, 2, "nmi" } },
	{ "int3 in a fault in user mode", in_user_exception, nop, AT_NOP(look_here), { 1, 1, 2, "trap" } },
}, messages[] = {
	{ "message, threads switched",	in_thread, user_message, AROUND(asm_ipc_called), { 1, 1, 0, "task" } },
	{ "#DB at a message's switch",			in_thread, user_message, HERE(asm_ipc_called), { 1, 1, 2, "trap" } },
	{ "answer, threads switched",	in_thread, user_message, AROUND(asm_ipc_replied), { 1, 1, 0, "task" } },
}, there[] = {
	{ "another CPU's thread",	other_in_thread, look_there, NOBODY,	{ 1, 1, 0, "task" } },
	{ "another CPU, idle",		in_thread, look_there, NOBODY,		{ 0, 0, 0, "task" } },
	{ "another CPU, in user mode",	other_in_user, look_there, NOBODY,	{ 0, 0, 0, "task" } },
	{ "another CPU, there after an IPI", other_in_user, look_there_after_ipi, NOBODY, { 0, 0, 0, "task" } },
	{ "IPI from another CPU in user mode", other_in_user, ipi_there, NOBODY, { 1, 1, 0, "hardirq" } },
	{ "NMI from another CPU in user mode", other_in_user, nmi_there, AT_NMI(look_around), { 1, 0, 1, "nmi" } },
};
/* clang-format on */

/* "nmi": a real one. "trap": an int3 or #DB, which counts as one. */
static const char *where(u32 word)
{
	static const char *const names[2][2][2] = { { { "task", "trap" }, { "nmi", "nmi+trap" } },
						    { { "hardirq", "hardirq+trap" },
						      { "hardirq+nmi", "hardirq+nmi+trap" } } };
	u32 real = (word & CONTEXT_REAL_NMI) != 0;

	return names[word_in_hardirq(word)][real][(word >> NMI_SHIFT) > real];
}

/* Hidden functions are probed, too: no NMI comes by itself here. */
static void look_in(const struct row *r)
{
	struct kprobe p = r->by.probe;
	struct watchpoint w = { .addr = r->by.at, .len = 1, .type = WATCH_EXECUTE, .handler = r->by.stop };

	seen.looks = 0;
	now = r;
	kprobe_unsafe = true;
	if (w.addr) /* not registered, which is for visible code alone */
		EXPECT_EQ(watchpoint_arm(&w), 0);
	if (!p.addr || probe_on(&p)) {
		r->context(r->event);
		if (p.addr)
			probe_off(&p);
	}
	if (w.addr)
		watchpoint_disarm(&w);
	kprobe_unsafe = false;
}

static void check(const struct row *r)
{
	struct cpu_accounts before = accounts_now();
	const struct watch *w = &seen.found.watch;
	const char *in, *yes;

	look_in(r);
	in = where(seen.found.context_word);
	yes = w->counter & 1 ? "yes" : "no";
	ktest_comment("%-36s %-9s %-8s %-8u %-12u %-16s %s", r->name, yes, w->counter & 1 ? "odd" : "even",
		      w->nesting, w->nmi_nesting, in, yes);
	if (!as_wanted(w, &r->want) || strcmp(in, r->want.in) != 0 || !seen.agrees)
		ktest_fail(r->name, (int)seen.agrees, "watching, nesting, nmi nesting",
			   (w->counter & 1) << 8 | w->nesting << 4 | w->nmi_nesting,
			   r->want.watching << 8 | r->want.nesting << 4 | r->want.nmi_nesting);
	EXPECT_EQ(seen.looks, 1);
	/* All is as before, though the counter may have gone on, by whole rounds. */
	before.watch.counter += (this_cpu(watch).counter - before.watch.counter) & ~1ul;
	EXPECT_ACCOUNTS(before);
}

static void check_all(const struct row *rows, size_t n)
{
	EXPECT_EQ(thread_set_affinity(1), 0);
	if (ring3_make()) {
		ktest_comment("%-36s %-9s %-8s %-8s %-12s %-16s %s", "context", "watching", "counter",
			      "nesting", "nmi nesting", "in", "may read");
		for (size_t i = 0; i < n; i++)
			check(&rows[i]);
		ring3_drop();
	}
	thread_set_affinity(CPU_MASK_ALL);
}

KTEST(rcu_contexts, this_cpu_watches)
{
	check_all(here, ARRAY_SIZE(here));
}
KTEST(rcu_contexts, this_cpu_watches_for_users)
{
	check_all(users, ARRAY_SIZE(users));
	if (!debug_enabled()) /* else messages have no short way */
		check_all(messages, ARRAY_SIZE(messages));
}
KTEST(rcu_contexts, another_cpu_watches)
{
	other_cpu = crowd_next_cpu(0);
	if (other_cpu != 0)
		check_all(there, ARRAY_SIZE(there));
}
