/* RCU's callbacks: queued in every context, called once each, in order, and never too many waiting. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "lib/bug.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "rcu/internal.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"

#define VECTOR_TEST 0xe3
#define EACH	    64

static struct numbered {
	struct rcu_head head;
	u32 cpu, number;
} (*heads)[NR_CPUS][EACH];

static struct {
	u32 called[NR_CPUS];
	u32 misplaced, out_of_order;
} seen;

static void note(struct rcu_head *head)
{
	struct numbered *n = container_of(head, struct numbered, head);

	seen.misplaced +=
		!in_task() || !irqs_enabled() || !preempt_depth() || current()->priority == PRIORITY_IDLE;
	seen.out_of_order += seen.called[n->cpu] != n->number;
	WRITE_ONCE(seen.called[n->cpu], seen.called[n->cpu] + 1);
}

static void start(void)
{
	BUG_ON(!FRAMES_ONCE(heads));
	rcu_barrier();
	memset(&seen, 0, sizeof(seen));
}

static void queue(u32 cpu, u32 number)
{
	struct numbered *n = &(*heads)[cpu][number];

	*n = (struct numbered){ .cpu = cpu, .number = number };
	call_rcu(&n->head, note);
}

static void expect_called(u32 cpu, u32 n)
{
	EXPECT_EQ(READ_ONCE(seen.called[cpu]), n);
	EXPECT_EQ(seen.misplaced, 0);
	EXPECT_EQ(seen.out_of_order, 0);
}

static int queue_and_wait(void *arg)
{
	u32 cpu = (u32)(long)arg;

	for (u32 i = 0; i < EACH; i++)
		queue(cpu, i);
	rcu_barrier();
	return READ_ONCE(seen.called[cpu]) == EACH;
}

KTEST(rcu, callbacks_are_called_in_order_and_all_before_a_barrier_ends)
{
	start();
	EXPECT_EQ(crowd_run(queue_and_wait), crowd_cpus());
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		expect_called(cpu, cpus_up & 1u << cpu ? EACH : 0);
}

static int queue_only(void *arg)
{
	for (u32 i = 0; i < EACH; i++)
		queue((u32)(long)arg, i);
	return 0;
}

KTEST(rcu, a_barrier_waits_for_all_cpus)
{
	start();
	crowd_run(queue_only);
	rcu_barrier();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		expect_called(cpu, cpus_up & 1u << cpu ? EACH : 0);
}

static void queue_three(void)
{
	for (u32 i = 0; i < 3; i++)
		queue(0, i);
}
static void queue_in_trap(struct kprobe *p, struct pt_regs *regs) { queue_three(); }
static noinline void target(void) { __asm__ volatile("" ::: "memory"); }

/* Nobody hurries: the queueing alone must do. */
static void expect_three(void)
{
	while (READ_ONCE(seen.called[0]) < 3) {
		thread_yield();
		cpu_relax();
	}
	rcu_barrier();
	expect_called(0, 3);
}

static void queue_in_probe(u64 at, bool by_nmi)
{
	struct kprobe p = { .addr = at, .pre = queue_in_trap };

	start();
	if (!probe_on(&p))
		return;
	if (by_nmi)
		nmi_send(this_cpu(cpu_number));
	else
		target();
	probe_off(&p);
	EXPECT_EQ(p.hits, 1);
	expect_three();
}

KTEST(rcu, an_interrupt_may_queue)
{
	start();
	vector_set_handler(VECTOR_TEST, queue_three);
	__asm__ volatile("int %0" : : "i"(VECTOR_TEST) : "memory");
	vector_set_handler(VECTOR_TEST, NULL);
	expect_three();
}
KTEST(rcu, an_int3_may_queue)
{
	queue_in_probe((u64)target, false);
}
KTEST(rcu, an_nmi_may_queue)
{
	u32 here = this_cpu(cpu_number);

	thread_set_affinity(1u << here);
	queue_in_probe((u64)nmi_arrived, true);
	thread_set_affinity(CPU_MASK_ALL);
}

/* Who asked for it was undone, or preempted, before he woke the thread: whoever queues next does. */
KTEST(rcu, a_request_without_a_wake_is_made_good)
{
	start();
	while (READ_ONCE(rcu_gp_thread->state) != THREAD_BLOCKED || READ_ONCE(rcu_gp_wanted) > rcu_gp_seq)
		sleep_ns(100000);
	WRITE_ONCE(rcu_gp_wanted, rcu_seq_after(rcu_gp_seq));
	queue_three();
	for (u32 turns = 0; READ_ONCE(seen.called[0]) < 3 && turns < 1000; turns++)
		sleep_ns(100000);
	expect_called(0, 3);
	rcu_barrier();
}

static void note_and_queue_next(struct rcu_head *head)
{
	u32 number = container_of(head, struct numbered, head)->number + 1;
	struct numbered *next = &(*heads)[0][number];

	note(head);
	if (number == 3)
		return;
	*next = (struct numbered){ .number = number };
	call_rcu(&next->head, note_and_queue_next);
}

KTEST(rcu, a_callback_may_queue)
{
	start();
	(*heads)[0][0] = (struct numbered){ .number = 0 };
	call_rcu(&(*heads)[0][0].head, note_and_queue_next);
	expect_three();
}

#define FLOOD 25000 /* on each of two CPUs */
#define LIMIT 10000 /* that RCU lets wait there */

static struct {
	u64 freed[NR_CPUS], turns[NR_CPUS], turns_at_half[NR_CPUS];
	u64 most;
	bool over;
} flood;

struct drop {
	struct rcu_head head;
	u32 cpu;
};

static void free_drop(struct rcu_head *head)
{
	struct drop *d = container_of(head, struct drop, head);

	WRITE_ONCE(flood.freed[d->cpu], flood.freed[d->cpu] + 1);
	kfree(d);
}

static int flood_one(void *arg)
{
	u32 cpu = (u32)(long)arg;

	for (u32 i = 0; i < FLOOD; i++) {
		struct drop *d = kmalloc(sizeof(*d));

		if (!d)
			return 1;
		d->cpu = cpu;
		call_rcu(&d->head, free_drop);
		flood.most = max(flood.most, i + 1 - READ_ONCE(flood.freed[cpu]));
		if (i == FLOOD / 2)
			for (u32 k = 0; k < NR_CPUS; k++)
				flood.turns_at_half[k] = READ_ONCE(flood.turns[k]);
	}
	return 0;
}

static int stand_by(void *arg)
{
	while (!READ_ONCE(flood.over)) {
		flood.turns[(long)arg]++;
		thread_yield();
		cpu_relax();
	}
	return 0;
}

KTEST(rcu, a_flood_is_held_back_and_starves_nobody)
{
	struct thread *threads[2] = { NULL };
	u32 cpu = this_cpu(cpu_number);
	u64 freed = 0;

	memset(&flood, 0, sizeof(flood));
	crowd_start(stand_by, 1);
	for (u32 i = 0; i < ARRAY_SIZE(threads) && i < crowd_cpus(); i++, cpu = crowd_next_cpu(cpu)) {
		threads[i] =
			thread_create("flood", flood_one, (void *)(long)cpu, PRIORITY_DEFAULT, 1u << cpu);
		EXPECT(threads[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		EXPECT(!threads[i] || thread_join(threads[i]) == 0);
	for (u32 k = 0; k < NR_CPUS; k++)
		EXPECT(!(cpus_up & 1u << k) || READ_ONCE(flood.turns[k]) > flood.turns_at_half[k]);
	WRITE_ONCE(flood.over, true);
	crowd_join();
	rcu_barrier();
	EXPECT_EQ(min(flood.most, (u64)LIMIT + 1), flood.most);
	for (u32 k = 0; k < NR_CPUS; k++)
		freed += flood.freed[k];
	EXPECT_EQ(freed, FLOOD * min(2u, crowd_cpus()));
}
