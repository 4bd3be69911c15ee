/* RCU's torture, the readers: in threads, interrupts, int3s and NMIs, on CPUs that work and on CPUs that idle. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "context/rcu_read.h"
#include "kernel/nmi.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/rcu_torture.h"
#include "trace/clock.h"

#define SHORT	 64    /* cpu_relax() */
#define PATIENCE 20000 /* for the element to be taken out; and as much again for a grace period to end */
#define IRQ_NS	 500000

u64 torture_ages[READ_KINDS][TORTURE_AGES + 1], torture_spoiled;

static bool stop;
static u32 lingering; /* by one at a time: two would keep each other's grace periods from ending */

static void add_one(u64 *to) { __atomic_fetch_add(to, 1, __ATOMIC_RELAXED); }

/* Until the element is @age old. */
static void wait_for_age(const struct torture_element *e, u32 age, u32 patience)
{
	for (; patience && READ_ONCE(e->age) < age; patience--)
		cpu_relax();
}

u64 torture_older(enum torture_reader kind, u32 age)
{
	u64 n = 0;

	for (; age <= TORTURE_AGES; age++)
		n += READ_ONCE(torture_ages[kind][age]);
	return n;
}

/* Each kind has its share of lingering. */
static bool met_too_often(enum torture_reader kind)
{
	for (u32 k = 0; k < READ_KINDS; k++)
		if (torture_older(kind, 1) > torture_older(k, 1) + 1)
			return true;
	return false;
}

/* Reads on while the updater takes the element out, and while he believes to be alone. */
static void linger(const struct torture_element *e, u32 turns)
{
	if (turns < PATIENCE || __atomic_exchange_n(&lingering, 1, __ATOMIC_ACQUIRE)) {
		wait_for_age(e, 2, turns % PATIENCE);
		return;
	}
	wait_for_age(e, 1, PATIENCE);
	wait_for_age(e, 2, PATIENCE);
	__atomic_store_n(&lingering, 0, __ATOMIC_RELEASE);
}

/* Any context. The age is looked at last. */
static void read_slot(enum torture_reader kind, u32 slot, u32 turns)
{
	const struct torture_element *e;
	bool intact;

	rcu_read_lock();
	e = rcu_dereference(torture_slots[slot % TORTURE_SLOTS]);
	if (e) {
		intact = torture_intact(e);
		linger(e, turns);
		add_one(&torture_ages[kind][min(READ_ONCE(e->age), (u32)TORTURE_AGES)]);
		if (!intact || !torture_intact(e))
			add_one(&torture_spoiled);
	}
	rcu_read_unlock();
}

static DEFINE_PER_CPU(u32, turn); /* whose element, and whether to linger */

static void read_in_turn(enum torture_reader kind)
{
	u32 n = this_cpu(turn)++;

	read_slot(kind, n, n / TORTURE_SLOTS % 2 || met_too_often(kind) ? n % SHORT : PATIENCE);
}

/* The inner one ends long before the outer. */
static void read_nested(u32 slot)
{
	rcu_read_lock();
	read_slot(READ_THREAD, slot + 1, 0);
	read_in_turn(READ_THREAD);
	rcu_read_unlock();
}

static struct timer timers[NR_CPUS];

static void read_in_irq(struct timer *t)
{
	read_in_turn(READ_IRQ);
	if (!READ_ONCE(stop))
		timer_set(t, trace_clock() + IRQ_NS);
}

static void read_in_int3(struct kprobe *p, struct pt_regs *regs) { read_in_turn(READ_INT3); }
static noinline void be_probed(void) { __asm__ volatile("" ::: "memory"); }

/* On an idle CPU only RCU's own count of NMIs says that there is a reader. */
static void read_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	read_in_turn(current()->priority == PRIORITY_IDLE && !in_hardirq() ? READ_IDLE_NMI : READ_NMI);
}

static struct kprobe int3_probe = { .addr = (u64)be_probed, .pre = read_in_int3 };
static struct kprobe nmi_probe = { .addr = (u64)nmi_arrived, .pre = read_in_nmi, .technique = KPROBE_INT3 };

static bool is_idle(u32 cpu) { return !(READ_ONCE(per_cpu_ptr(watch, cpu)->counter) & 1); }

static void send_nmi_to_idle(u32 from)
{
	for (u32 to = crowd_next_cpu(from); to != from; to = crowd_next_cpu(to))
		if (is_idle(to)) {
			nmi_send(to);
			return;
		}
}

static void read_somehow(u32 cpu, u32 how)
{
	switch (how % 16) {
	case 0 ... 1:
		sleep_ns(IRQ_NS + how % IRQ_NS); /* its CPU idles, if it is alone there */
		break;
	case 2 ... 3:
		send_nmi_to_idle(cpu);
		break;
	case 4 ... 6:
		nmi_send(cpu); /* which doesn't idle */
		break;
	case 7 ... 8:
		be_probed();
		break;
	case 9:
		read_nested(how / 16);
		break;
	case 10:
		read_in_turn(READ_THREAD);
		break;
	default:
		read_slot(READ_THREAD, how / 16, how % SHORT);
	}
}

static int read_on(void *arg)
{
	u32 cpu = (u32)(long)arg;
	u64 random = cpu * 7919 + 1;

	timer_init(&timers[cpu], read_in_irq);
	timer_set(&timers[cpu], trace_clock() + IRQ_NS);
	while (!READ_ONCE(stop)) {
		random = random * 6364136223846793005ul + 1442695040888963407ul;
		read_somehow(cpu, (u32)(random >> 33));
		thread_yield();
		cpu_relax();
	}
	timer_cancel(&timers[cpu]);
	return 0;
}

bool torture_readers_start(void)
{
	memset(torture_ages, 0, sizeof(torture_ages));
	torture_spoiled = 0;
	stop = false;
	if (!probe_on(&int3_probe))
		return false;
	if (!probe_on(&nmi_probe)) {
		probe_off(&int3_probe);
		return false;
	}
	crowd_start(read_on, 1);
	return true;
}

void torture_readers_stop(void)
{
	WRITE_ONCE(stop, true);
	crowd_join();
	probe_off(&int3_probe);
	probe_off(&nmi_probe);
	preempt_disable();
	nmi_settle();
	preempt_enable();
}
