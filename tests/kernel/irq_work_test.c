/* irq_work: queued from every context, run once each, in order, in hardirq context. */
#include "context/irq_work.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "context/context.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"

#define VECTOR_TEST 0xe1
#define MAX_RUNS    8

static struct {
	volatile unsigned runs;
	unsigned misplaced;
	struct irq_work *order[MAX_RUNS];
} seen;

static void note(struct irq_work *w)
{
	if (seen.runs < MAX_RUNS)
		seen.order[seen.runs] = w;
	seen.misplaced += !in_hardirq() || in_nmi() || irqs_enabled() || w->pending;
	seen.runs++;
}

static IRQ_WORK(a, note);
static IRQ_WORK(b, note);
static IRQ_WORK(c, note);

/* The interrupt comes when it comes; that it doesn't come at all is a failure, not a hang. */
static void expect_runs(unsigned n)
{
	for (int i = 0; i < 1000000 && seen.runs < n; i++)
		cpu_relax();
	EXPECT_EQ(seen.runs, n);
	EXPECT_EQ(seen.misplaced, 0);
}

static void start(void)
{
	preempt_disable();
	memset(&seen, 0, sizeof(seen));
}

KTEST(irq_work, runs_once_in_order_of_queueing)
{
	u64 flags;

	start();
	flags = local_irq_save();
	EXPECT(irq_work_queue(&b));
	EXPECT(irq_work_queue(&a));
	EXPECT(!irq_work_queue(&b)); /* pending: refused */
	EXPECT(irq_work_queue(&c));
	EXPECT(!irq_work_queue(&a));
	EXPECT_EQ(seen.runs, 0);
	local_irq_restore(flags);
	expect_runs(3);
	EXPECT_EQ(seen.order[0], &b);
	EXPECT_EQ(seen.order[1], &a);
	EXPECT_EQ(seen.order[2], &c);
	EXPECT(irq_work_queue(&b)); /* and may be queued anew */
	expect_runs(4);
	preempt_enable();
}

static void queue_in_irq(void)
{
	EXPECT(in_hardirq());
	EXPECT(irq_work_queue(&a));
	EXPECT_EQ(seen.runs, 0);
}

KTEST(irq_work, is_queued_by_an_interrupt)
{
	start();
	vector_set_handler(VECTOR_TEST, queue_in_irq);
	__asm__ volatile("int %0" : : "i"(VECTOR_TEST));
	vector_set_handler(VECTOR_TEST, NULL);
	expect_runs(1);
	preempt_enable();
}

static noinline void target(void) { __asm__ volatile("" ::: "memory"); }

static struct {
	unsigned queued;
	bool in_nmi;
} trap;

static void queue_in_trap(struct kprobe *p, struct pt_regs *regs)
{
	trap.in_nmi = in_real_nmi();
	trap.queued += irq_work_queue(&a);
	trap.queued += irq_work_queue(&b);
	trap.queued += irq_work_queue(&a);
}

/* A probe on @at, whose handler queues; @hit hits it. */
static void queue_from_probe(u64 at, void (*hit)(void), bool nmi)
{
	struct kprobe p = { .addr = at, .pre = queue_in_trap, .technique = KPROBE_EMULATE };

	memset(&trap, 0, sizeof(trap));
	if (!probe_on(&p))
		return;
	start();
	hit();
	expect_runs(2);
	preempt_enable();
	probe_off(&p);
	EXPECT_EQ(trap.queued, 2);
	EXPECT_EQ(trap.in_nmi, nmi);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(seen.order[0], &a);
	EXPECT_EQ(seen.order[1], &b);
}

static void nmi_to_self(void) { nmi_send(this_cpu(cpu_number)); }

KTEST(irq_work, is_queued_by_an_int3)
{
	queue_from_probe((u64)target, target, false);
}
KTEST(irq_work, is_queued_by_an_nmi)
{
	queue_from_probe((u64)nmi_arrived, nmi_to_self, true);
}

static void note_and_queue_again(struct irq_work *w)
{
	note(w);
	if (seen.runs < 3)
		EXPECT(irq_work_queue(w));
}

KTEST(irq_work, may_queue_itself_again)
{
	static IRQ_WORK(again, note_and_queue_again);

	start();
	EXPECT(irq_work_queue(&again));
	expect_runs(3);
	preempt_enable();
}

#define STORM 100
#define WORKS 4

static u64 queued, run;

static void count(struct irq_work *w) { __atomic_fetch_add(&run, 1, __ATOMIC_RELAXED); }

static struct irq_work storm[WORKS] = { IRQ_WORK_INIT(count), IRQ_WORK_INIT(count), IRQ_WORK_INIT(count),
					IRQ_WORK_INIT(count) };

static void queue_one(unsigned i)
{
	if (irq_work_queue(&storm[i % WORKS]))
		__atomic_fetch_add(&queued, 1, __ATOMIC_RELAXED);
}

static void queue_in_storm(struct kprobe *p, struct pt_regs *regs) { queue_one((unsigned)p->hits); }

static volatile bool storm_over;

static int send_storm(void *to)
{
	for (int i = 0; i < STORM; i++) {
		u64 before = READ_ONCE(nmi_count);

		nmi_send((u32)(long)to);
		/* One at a time, so that each finds the thread somewhere else. */
		for (int k = 0; k < 2000 && READ_ONCE(nmi_count) == before; k++)
			cpu_relax();
	}
	storm_over = true;
	return 0;
}

/* NMIs queue what the thread they interrupt is just queueing: each that was taken runs, once. */
KTEST(irq_work, nothing_is_lost_or_doubled)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = queue_in_storm, .technique = KPROBE_INT3 };
	struct thread *sender = NULL;
	unsigned i = 0;

	thread_set_affinity(1);
	queued = run = 0;
	storm_over = false;
	if (!probe_on(&p))
		return;
	if (cpus_up & 2)
		sender = thread_create("storm", send_storm, NULL, PRIORITY_DEFAULT, 2);
	do {
		queue_one(i++);
		if (i % 16 == 0)
			cpu_relax(); /* counting instructions, the sender runs only then */
	} while (i < 1000 || (sender && !storm_over));
	if (sender)
		thread_join(sender);
	probe_off(&p);
	for (int n = 0; n < 1000000 && run < queued; n++)
		cpu_relax();
	EXPECT_EQ(run, queued);
	EXPECT(queued > 0);
	preempt_disable();
	nmi_settle();
	preempt_enable();
	thread_set_affinity(CPU_MASK_ALL);
}
