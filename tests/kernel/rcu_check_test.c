/* Wrong use of RCU is told once for each place and survived; right use never is. What the reports say: rcu_check.t. */
#include "context/rcu_read.h"

#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/nmi.h"
#include "kernel/rcu_check.h"
#include "kernel/traps.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "trace/clock.h"

static bool checked_before;
static struct cpu_accounts before;

static void begin(void)
{
	checked_before = static_key_enabled(&rcu_check_key);
	thread_set_affinity(1u << this_cpu(cpu_number));
	rcu_check_set(true);
	before = accounts_now();
}

static void end(u32 reports)
{
	EXPECT_EQ(rcu_check_reports, reports);
	EXPECT_EQ(context_read(), before.context_word);
	EXPECT_EQ(this_cpu(watch).nesting, before.watch.nesting);
	EXPECT_EQ(this_cpu(watch).nmi_nesting, before.watch.nmi_nesting);
	EXPECT_EQ(this_cpu(rcu_readers), 0);
	rcu_check_set(checked_before);
	thread_set_affinity(CPU_MASK_ALL);
}

/* Where RCU isn't watching, as it is in idle. */
static void unwatched(void (*fn)(void))
{
	u64 flags = local_irq_save();

	rcu_idle_enter();
	fn();
	rcu_idle_exit();
	local_irq_restore(flags);
}

static int *pointer;

static noinline void read_in_idle(void)
{
	rcu_read_lock();
	(void)rcu_dereference(pointer);
	rcu_read_unlock();
}

KTEST(rcu_check, reading_in_idle)
{
	begin();
	for (int i = 0; i < 3; i++)
		unwatched(read_in_idle); /* three places */
	end(3);
}

static volatile bool called;
static void note_call(struct rcu_head *head) { called = true; }
static struct rcu_head head;
static noinline void call_in_idle(void) { call_rcu(&head, note_call); }

KTEST(rcu_check, call_rcu_in_idle)
{
	begin();
	called = false;
	unwatched(call_in_idle);
	rcu_barrier();
	EXPECT(called); /* survived: it is called all the same */
	end(1);
}

static noinline void look_without_a_reader(void) { (void)rcu_dereference(pointer); }
static noinline void look_elsewhere(void)
{
	(void)rcu_dereference(pointer);
	(void)rcu_dereference_protected(pointer, this_cpu(cpu_number) == NR_CPUS);
}

KTEST(rcu_check, looking_without_a_reader)
{
	begin();
	for (int i = 0; i < 3; i++)
		look_without_a_reader();
	EXPECT_EQ(rcu_check_reports, 1);
	look_elsewhere();
	end(3);
}

static noinline void unlock_too_often(void)
{
	rcu_read_lock();
	rcu_read_unlock();
	rcu_read_unlock();
}
static noinline void unlock_anothers(void)
{
	preempt_disable();
	rcu_read_unlock();
	EXPECT_EQ(preempt_depth(), 1);
	preempt_enable();
}

KTEST(rcu_check, unlocking_without_a_lock)
{
	begin();
	unlock_too_often();
	unlock_too_often();
	unlock_anothers();
	end(2);
}

/* However late it is already, as on a busy host: sleep_ns() might find nothing left to wait for. */
static __always_inline void sleep(void) { schedule_until(trace_clock()); }

static noinline void sleep_in_a_reader(void)
{
	rcu_read_lock();
	rcu_read_lock();
	sleep();
	EXPECT_EQ(preempt_depth(), 2);
	EXPECT_EQ(this_cpu(rcu_readers), 2);
	rcu_read_unlock();
	thread_yield();
	EXPECT_EQ(preempt_depth(), 1);
	rcu_read_unlock();
}

KTEST(rcu_check, blocking_in_a_reader)
{
	begin();
	for (volatile int i = 0; i < 2; i++) /* from one place: not unrolled */
		sleep_in_a_reader();
	end(2); /* the sleep and the yield */
}

static noinline void sleep_elsewhere(void)
{
	rcu_read_lock();
	sleep();
	rcu_read_unlock();
}

/* Both sleep by the same function of the scheduler. */
KTEST(rcu_check, two_who_block)
{
	begin();
	sleep_in_a_reader();
	sleep_elsewhere();
	end(3);
}

static noinline void hurry_in_a_reader(void)
{
	rcu_read_lock();
	synchronize_rcu_expedited();
	rcu_read_unlock();
}

/* With one CPU it finds nobody to wait for but the caller. */
KTEST(rcu_check, an_expedited_grace_period_in_a_reader)
{
	begin();
	hurry_in_a_reader();
	end(1);
}

static int end_in_a_reader(void *arg)
{
	rcu_read_lock();
	return 5;
}

KTEST(rcu_check, ending_in_a_reader)
{
	struct thread *t;

	begin();
	t = thread_create("reader", end_in_a_reader, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));
	EXPECT(t && thread_join(t) == 5);
	end(1);
}

/* A key switched on in the middle of a reader: its end is none too many. */
KTEST(rcu_check, a_reader_from_before)
{
	begin();
	static_key_set(&rcu_check_key, false);
	rcu_check_armed = false;
	rcu_read_lock();
	preempt_enable_no_resched(); /* switching takes a thread that may block */
	static_key_set(&rcu_check_key, true);
	preempt_disable();
	rcu_read_unlock();
	end(0);
}

static noinline void unlock_after_that(void) { rcu_read_unlock(); }

/* And one switched off there, so that it never counted the end: the next end too many is told all the same. */
KTEST(rcu_check, a_reader_that_is_still_counted)
{
	begin();
	rcu_read_lock();
	preempt_enable_no_resched();
	static_key_set(&rcu_check_key, false);
	preempt_disable();
	rcu_read_unlock();
	EXPECT_EQ(this_cpu(rcu_readers), 1);
	rcu_check_set(true);
	unlock_after_that();
	EXPECT_EQ(preempt_depth(), 0);
	rcu_read_lock();
	EXPECT_EQ(this_cpu(rcu_readers), 1);
	rcu_read_unlock();
	end(1);
}

static volatile bool blocks, may_end;
static volatile u32 rounds;

static int yield_in_a_reader(void *arg)
{
	rcu_read_lock();
	blocks = true;
	for (; !may_end; rounds++) {
		cpu_relax();
		thread_yield();
	}
	rcu_read_unlock();
	return (int)preempt_depth();
}

/* No grace period waits for a reader that has blocked. It was begun uncounted, and its end must be carried out. */
KTEST(rcu_check, a_reader_that_blocks_while_it_is_armed)
{
	struct thread *t;

	begin();
	rcu_check_set(false);
	blocks = may_end = false;
	t = thread_create("reader", yield_in_a_reader, NULL, PRIORITY_DEFAULT, 1u << this_cpu(cpu_number));
	while (!blocks)
		thread_yield();
	rcu_check_set(true);
	rounds = 0;
	while (rounds < 2) /* it is told again */
		thread_yield();
	may_end = true;
	EXPECT(t && thread_join(t) == 0);
	end(1); /* of the yield */
}

static int read_until_armed(void *arg)
{
	rcu_read_lock();
	blocks = true;
	while (!static_key_enabled(&rcu_check_key) || rcu_check_key.switched & 1)
		cpu_relax();
	for (int i = 0; i < 20000 && !READ_ONCE(rcu_check_armed); i++)
		cpu_relax();
	EXPECT(!rcu_check_armed);
	rcu_read_unlock();
	return 0;
}

/* One that doesn't is waited for, and until then not armed. */
KTEST(rcu_check, is_armed_when_readers_from_before_have_ended)
{
	u32 there = crowd_next_cpu(this_cpu(cpu_number));
	struct thread *t;

	if (there == this_cpu(cpu_number))
		return;
	begin();
	rcu_check_set(false);
	blocks = false;
	t = thread_create("reader", read_until_armed, NULL, PRIORITY_DEFAULT, 1u << there);
	while (!blocks)
		cpu_relax();
	rcu_check_set(true);
	EXPECT(rcu_check_armed);
	EXPECT(t && thread_join(t) == 0);
	end(0);
}

#define IRQ 5

static void begin_and_stay(void) { rcu_read_lock(); }
static void end_the_others(void) { rcu_read_unlock(); }

static void interrupt(irq_fn fn)
{
	irq_set_handler(IRQ, fn);
	pic_mask(IRQ);
	__asm__ volatile("int $0x25" ::: "memory");
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
}

static void send_nmi(void) { __asm__ volatile("int $2"); }

KTEST(rcu_check, a_handler_that_leaves_a_reader_behind)
{
	begin();
	interrupt(begin_and_stay);
	EXPECT_EQ(preempt_depth(), 0);
	interrupt(begin_and_stay);
	end(1);
}

KTEST(rcu_check, a_handler_that_ends_anothers_reader)
{
	begin();
	rcu_read_lock();
	interrupt(end_the_others);
	EXPECT_EQ(preempt_depth(), 1);
	EXPECT_EQ(this_cpu(rcu_readers), 1);
	rcu_read_unlock();
	end(1);
}

static noinline void unlock_in_probe(struct kprobe *p, struct pt_regs *regs) { rcu_read_unlock(); }
static noinline void probed_too(void) { __asm__ volatile("" ::: "memory"); }

KTEST(rcu_check, unlocking_in_an_int3)
{
	struct kprobe p = { .addr = (u64)probed_too, .pre = unlock_in_probe, .technique = KPROBE_INT3 };

	begin();
	if (probe_on(&p)) {
		probed_too();
		probed_too();
		probe_off(&p);
	}
	end(1);
}

/* The same inside an NMI in idle: what is told there wakes nothing up. */
KTEST(rcu_check, unlocking_in_an_nmi_in_idle)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = unlock_in_probe, .technique = KPROBE_INT3 };

	begin();
	if (probe_on(&p)) {
		nmi_expect(this_cpu(cpu_number));
		unwatched(send_nmi);
		probe_off(&p);
	}
	end(1);
}

static int look_at_once(void *cpu)
{
/* What differs keeps the compiler from making one place of them. */
#define LOOK(n)                                     \
	case n:                                     \
		seen[n] = rcu_dereference(pointer); \
		break
	static int *volatile seen[NR_CPUS];

	switch ((u64)cpu) {
		LOOK(0);
		LOOK(1);
		LOOK(2);
		LOOK(3);
		LOOK(4);
		LOOK(5);
		LOOK(6);
		LOOK(7);
	}
	return seen[(u64)cpu] != pointer;
}

/* Each report is whole, says rcu_check.t. */
KTEST(rcu_check, all_cpus_at_once)
{
	begin();
	EXPECT_EQ(crowd_run(look_at_once), 0);
	end(crowd_cpus());
}

static int *held_by_a_lock(bool locked) { return rcu_dereference_protected(pointer, locked); }

static void read_everywhere(void)
{
	u64 flags;

	rcu_read_lock();
	rcu_read_lock();
	(void)rcu_dereference(pointer);
	rcu_read_unlock();
	(void)rcu_dereference(pointer);
	rcu_read_unlock();
	flags = local_irq_save();
	(void)rcu_dereference(pointer);
	local_irq_restore(flags);
	(void)held_by_a_lock(true);
	(void)rcu_access_pointer(pointer);
	(void)rcu_dereference_check(pointer, true);
}

static unsigned reads;
static void read_in_handler(struct kprobe *p, struct pt_regs *regs)
{
	rcu_read_lock();
	(void)rcu_dereference(pointer);
	rcu_read_unlock();
	reads++;
}
static noinline void probed(void) { __asm__ volatile("" ::: "memory"); }

static void read_in_timer(struct timer *t) { read_in_handler(NULL, NULL); }

KTEST(rcu_check, right_use_is_not_told)
{
	struct kprobe p = { .addr = (u64)probed, .pre = read_in_handler, .technique = KPROBE_INT3 };
	struct timer t;

	begin();
	read_everywhere();
	reads = 0;
	if (probe_on(&p)) {
		probed();
		probe_off(&p);
	}
	timer_init(&t, read_in_timer);
	timer_set(&t, 0);
	while (READ_ONCE(reads) < 2)
		cpu_relax();
	timer_cancel(&t);
	call_rcu(&head, note_call);
	rcu_barrier();
	end(0);
}

/* More places than are kept, made of one piece of code at many return addresses. */
KTEST(rcu_check, the_table_fills_up)
{
	begin();
#define LOOK_4                                                                                   \
	look_without_a_reader(), (void)rcu_dereference(pointer), (void)rcu_dereference(pointer), \
		(void)rcu_dereference(pointer)
#define LOOK_16 LOOK_4, LOOK_4, LOOK_4, LOOK_4
	LOOK_16, LOOK_16, LOOK_16;
	end(32);
}
