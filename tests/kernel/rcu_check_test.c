/* Wrong use of RCU is told once for each place and survived; right use never is. What the reports say: rcu_check.t. */
#include "context/rcu_read.h"

#include "arch/x86/cpu/regs.h"
#include "kernel/rcu_check.h"
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

/* Switched off in the middle of a reader: its end isn't counted, and isn't to pass for that of another, later on. */
KTEST(rcu_check, a_reader_that_ends_unchecked)
{
	begin();
	rcu_read_lock();
	preempt_enable_no_resched();
	rcu_check_set(false);
	preempt_disable();
	rcu_read_unlock();
	rcu_check_set(true);
	EXPECT_EQ(this_cpu(rcu_readers), 0);
	unlock_too_often();
	end(1);
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
	struct kprobe p = { .addr = (u64)probed, .pre = read_in_handler };
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
