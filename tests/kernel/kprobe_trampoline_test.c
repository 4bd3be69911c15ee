/* A function's entry with a probe alone: it has a trampoline of its own, which says the same as the one that all share. */
#include "arch/x86/entry/desc.h"
#include "arch/x86/mm/paging.h"
#include "ftrace/ftrace.h"
#include "kprobe/kretprobe.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

noinline u64 own_entry(u64 a, u64 b);
noinline u64 own_entry(u64 a, u64 b)
{
	barrier();
	return 2 * a + b;
}
CODE(calls_own_entry, "", "call own_entry", "", "");

static u64 target(void) { return ftrace_site_at((u64)own_entry)->target; }
static bool has_its_own(bool light) { return in_probe_trampolines(target(), light); }

static struct pt_regs seen;
static u64 parent;
static void look(struct kprobe *p, struct pt_regs *regs)
{
	seen = *regs;
	parent = *(u64 *)regs->sp;
}

static struct machine called(void)
{
	struct machine m = machine_pattern;

	m.flags = 0x202;
	machine_run(&m, calls_own_entry);
	return m;
}

KTEST(kprobe, an_entrys_own_trampoline_shows_all_registers)
{
	struct kprobe p = { .addr = (u64)own_entry, .pre = look };
	const struct machine *m = &machine_pattern;
	struct machine with, without = called();

	if (!probe_on(&p))
		return;
	EXPECT(has_its_own(false));
	with = called();
	probe_off(&p);
	with.flags = without.flags; /* they are dead at a call */
	machine_expect_same("own_entry", 0, &with, &without);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(seen.ip, own_entry);
	EXPECT_EQ(parent, calls_own_entry_at[1]);
	EXPECT_EQ(seen.cs, KERNEL_CS);
	EXPECT(seen.ss == KERNEL_DS || !seen.ss);
	EXPECT_EQ(seen.vector, VECTOR_NONE);
	EXPECT_EQ(seen.flags, 0x202);
	EXPECT_EQ(seen.ax, m->ax);
	EXPECT_EQ(seen.bx, m->bx);
	EXPECT_EQ(seen.cx, m->cx);
	EXPECT_EQ(seen.dx, m->dx);
	EXPECT_EQ(seen.si, m->si);
	EXPECT_EQ(seen.di, m->di);
	EXPECT_EQ(seen.bp, m->bp);
	EXPECT_EQ(seen.r8, m->r8);
	EXPECT_EQ(seen.r9, m->r9);
	EXPECT_EQ(seen.r10, m->r10);
	EXPECT_EQ(seen.r11, m->r11);
	EXPECT_EQ(seen.r12, m->r12);
	EXPECT_EQ(seen.r13, m->r13);
	EXPECT_EQ(seen.r14, m->r14);
	EXPECT_EQ(seen.r15, m->r15);
}

static void change(struct kprobe *p, struct pt_regs *regs)
{
	regs->di = 20;
	regs->si = 2;
	regs->bx = 0xb;
	regs->bp = 0xbb;
	regs->r12 = 12;
	regs->r15 = 15;
}
static noinline u64 other(u64 a, u64 b) { return a * b; }
static void elsewhere(struct kprobe *p, struct pt_regs *regs)
{
	change(p, regs);
	regs->ip = (u64)other;
}

KTEST(kprobe, an_entrys_own_trampoline_takes_changes)
{
	struct kprobe p = { .addr = (u64)own_entry, .pre = change };
	struct cpu_accounts before = accounts_now();
	struct machine m;

	for (unsigned i = 0; i < 2; i++) {
		p.pre = i ? elsewhere : change;
		if (!probe_on(&p))
			return;
		EXPECT(has_its_own(false));
		m = called();
		probe_off(&p);
		EXPECT_EQ(m.ax, i ? 40 : 42);
		EXPECT_EQ(m.bx, 0xb);
		EXPECT_EQ(m.bp, 0xbb);
		EXPECT_EQ(m.r12, 12);
		EXPECT_EQ(m.r15, 15);
		EXPECT_EQ(m.r14, machine_pattern.r14);
	}
	EXPECT_ACCOUNTS(before);
}

static struct wait_queue waiting;
static volatile bool wanted, came;
static int comes(void *arg)
{
	wait_event(&waiting, wanted);
	came = true;
	return 0;
}
static void wakes(struct kprobe *p, struct pt_regs *regs)
{
	wanted = true;
	wake_one(&waiting);
	EXPECT(!came);
}
static noinline bool has_come(void) { return came; }

/* Preemption is off in the handler, and what was missed meanwhile is made up for before the function goes on. */
KTEST(kprobe, an_entrys_own_trampoline_lets_others_run)
{
	struct kprobe p = { .addr = (u64)has_come, .pre = wakes };
	u32 here = 1u << this_cpu(cpu_number);
	struct thread *t;

	EXPECT_EQ(thread_set_affinity(here), 0);
	wait_queue_init(&waiting, "test");
	wanted = came = false;
	t = thread_create("comes", comes, NULL, PRIORITY_HIGH, here);
	if (t && probe_on(&p)) {
		schedule(); /* it waits by now */
		EXPECT(has_come());
		probe_off(&p);
		EXPECT_EQ(p.hits, 1);
	}
	wanted = true;
	wake_one(&waiting);
	EXPECT_EQ(thread_join(t), 0);
	EXPECT_EQ(thread_set_affinity(CPU_MASK_ALL), 0);
}

/* When all are taken, by probes on tests that don't run now, the next one has the common one, and is none the worse for it. */
KTEST(kprobe, more_entries_than_trampolines)
{
	const size_t pages = ALIGN_UP(NR_PROBE_TRAMPOLINES * sizeof(struct kprobe), PAGE_SIZE) / PAGE_SIZE;
	u64 pa = frames_alloc(pages);
	struct kprobe p = { .addr = (u64)own_entry, .pre = look }, *others = phys_to_virt(pa);
	size_t n = 0;

	EXPECT(pa);
	if (!pa)
		return;
	kprobe_flush();
	for (size_t i = 0; i < ftrace_nr_sites() && n < NR_PROBE_TRAMPOLINES; i++) {
		const struct ftrace_site *s = ftrace_site(i);

		if (strncmp(s->name, "ktest_", 6) != 0 || strstr(s->name, "more_entries"))
			continue;
		others[n] = (struct kprobe){ .addr = s->ip, .pre = look, .technique = KPROBE_FTRACE };
		if (!probe_on(&others[n]))
			break;
		n++;
	}
	EXPECT_EQ(n, NR_PROBE_TRAMPOLINES);
	if (probe_on(&p)) {
		EXPECT_EQ(target(), ftrace_probe_caller);
		EXPECT_EQ(own_entry(3, 4), 10);
		EXPECT_EQ(seen.di, 3);
		probe_off(&p);
		EXPECT_EQ(p.hits, 1);
	}
	while (n)
		probe_off(&others[--n]);
	kprobe_flush();
	if (probe_on(&p)) {
		EXPECT(has_its_own(false));
		probe_off(&p);
	}
	frames_free(pa, pages);
}

static unsigned returns;
static void returned(struct kretprobe_instance *ri, struct pt_regs *regs) { returns += regs->ax == 10; }

/* A return probe alone has the way without registers, and with a probe besides, the other: none of them misses a call. */
KTEST(kprobe, an_entrys_own_trampoline_changes_with_its_probes)
{
	struct kretprobe r = { .kp = { .addr = (u64)own_entry }, .handler = returned };
	struct kprobe p = { .addr = (u64)own_entry, .pre = look };
	const char *why;

	returns = 0;
	EXPECT_EQ(kretprobe_register(&r, &why), 0);
	EXPECT_EQ(kretprobe_arm(&r), 0);
	for (unsigned i = 1; i <= 6; i++) {
		bool both = i % 2 == 0;

		if (both && !probe_on(&p))
			break;
		EXPECT(has_its_own(!both));
		EXPECT_EQ(own_entry(3, 4), 10);
		EXPECT_EQ(returns, i);
		EXPECT_EQ(r.kp.hits, i);
		if (both)
			probe_off(&p);
		EXPECT_EQ(p.hits, both);
		p.hits = 0;
	}
	kretprobe_unregister(&r);
	EXPECT_EQ(r.nmissed + r.kp.nmissed, 0);
	EXPECT_EQ(target(), 0);
}
