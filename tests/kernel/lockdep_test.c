/* Lock order: each kind of mistake is reported, once, and right orders never. Nothing here really deadlocks. */
#include "context/lockdep.h"

#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/spinlock.h"
#include "kprobe/kprobe.h"
#include "lib/debug.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "tracefs/tracefs.h"

static bool debug_before;

static void forget_all(void) { EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/lockdep", "0\n", 2, false), 0); }

static void begin(void)
{
	debug_before = static_key_enabled(&debug_key);
	static_key_set(&debug_key, true);
	forget_all();
}

/* What was reported here was so on purpose. */
static void end(u32 reports)
{
	EXPECT_EQ(lockdep_reports, reports);
	forget_all();
	static_key_set(&debug_key, debug_before);
}

static SPINLOCK(lock_a);
static SPINLOCK(lock_b);
static SPINLOCK(lock_c);
static struct spinlock twins[2] = { SPINLOCK_INIT(twin), SPINLOCK_INIT(twin) };

static noinline void take_both(struct spinlock *first, struct spinlock *second)
{
	u64 flags = spin_lock_irqsave(first);

	spin_lock(second);
	spin_unlock(second);
	spin_unlock_irqrestore(first, flags);
}

KTEST(lockdep, one_order_is_no_mistake)
{
	begin();
	for (int i = 0; i < 3; i++) {
		take_both(&lock_a, &lock_b);
		take_both(&lock_b, &lock_c);
		take_both(&lock_a, &lock_c);
	}
	end(0);
}

KTEST(lockdep, the_opposite_order_is_reported_once)
{
	begin();
	take_both(&lock_a, &lock_b);
	EXPECT_EQ(lockdep_reports, 0);
	for (int i = 0; i < 3; i++)
		take_both(&lock_b, &lock_a);
	end(1);
}

KTEST(lockdep, a_ring_of_three_is_reported)
{
	begin();
	take_both(&lock_a, &lock_b);
	take_both(&lock_b, &lock_c);
	EXPECT_EQ(lockdep_reports, 0);
	take_both(&lock_c, &lock_a);
	end(1);
}

/* The first order stands: who keeps to it afterwards isn't told off. */
KTEST(lockdep, after_a_report_the_right_order_is_still_right)
{
	begin();
	take_both(&lock_a, &lock_b);
	take_both(&lock_b, &lock_a);
	take_both(&lock_a, &lock_b);
	take_both(&lock_b, &lock_c);
	take_both(&lock_a, &lock_c);
	end(1);
}

/* What was reported is no order: by b before a, c before b would be wrong, too. */
KTEST(lockdep, a_wrong_order_teaches_nothing)
{
	begin();
	take_both(&lock_a, &lock_b);
	take_both(&lock_b, &lock_a);
	take_both(&lock_a, &lock_c);
	take_both(&lock_c, &lock_b);
	end(1);
}

KTEST(lockdep, two_of_one_class_have_no_order)
{
	begin();
	take_both(&twins[0], &twins[1]);
	end(1);
}

/* Not the last one taken is the first given back. */
KTEST(lockdep, what_was_given_back_is_not_held)
{
	u64 flags;

	begin();
	flags = spin_lock_irqsave(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_a);
	spin_unlock_irqrestore(&lock_b, flags);
	flags = spin_lock_irqsave(&lock_c); /* after neither */
	spin_unlock_irqrestore(&lock_c, flags);
	take_both(&lock_c, &lock_a);
	end(0);
}

static struct mutex mutex_a, mutex_b;

static noinline void lock_mutexes(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

KTEST(lockdep, mutexes_have_an_order_too)
{
	begin();
	mutex_init(&mutex_a, "mutex_a");
	mutex_init(&mutex_b, "mutex_b");
	lock_mutexes(&mutex_a, &mutex_b);
	EXPECT_EQ(lockdep_reports, 0);
	/* Trying can't wait, so it contradicts nothing. */
	mutex_lock(&mutex_b);
	EXPECT(mutex_trylock(&mutex_a));
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
	EXPECT_EQ(lockdep_reports, 0);
	lock_mutexes(&mutex_b, &mutex_a);
	end(1);
}

static int hold_while_others_come(void *arg)
{
	mutex_lock(&mutex_a);
	for (int i = 0; i < 10; i++)
		thread_yield();
	take_both(&lock_a, &lock_b);
	mutex_unlock(&mutex_a);
	return 0;
}

/* A thread's mutexes go with it, wherever it runs and whoever runs in between. */
KTEST(lockdep, mutexes_belong_to_threads)
{
	struct thread *t[3];

	begin();
	mutex_init(&mutex_a, "mutex_a");
	for (int i = 0; i < 3; i++)
		t[i] = thread_create("holder", hold_while_others_come, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	for (int i = 0; i < 3; i++)
		thread_join(t[i]);
	/* Nobody here holds mutex_a, so this teaches nothing about it. */
	take_both(&lock_a, &lock_b);
	end(0);
}

KTEST(lockdep, waiting_where_nothing_may_sleep_is_reported)
{
	begin();
	mutex_init(&mutex_a, "mutex_a");
	preempt_disable();
	mutex_lock(&mutex_a); /* free, so it doesn't wait this time */
	mutex_unlock(&mutex_a);
	preempt_enable();
	end(1);
}

KTEST(lockdep, a_spinlock_with_interrupts_on_is_reported)
{
	begin();
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	end(1);
}

static void take_a_lock(struct kprobe *p, struct pt_regs *regs)
{
	spin_lock(&lock_c);
	spin_unlock(&lock_c);
}

static noinline void probed(void) { __asm__ volatile("" ::: "memory"); }

KTEST(lockdep, a_spinlock_in_an_nmi_like_context_is_reported)
{
	struct kprobe p = { .addr = (u64)probed, .pre = take_a_lock, .technique = KPROBE_STEP };

	begin();
	if (probe_on(&p)) {
		probed();
		probe_off(&p);
	}
	end(1);
}

static u32 nested;

static void take_a_mutex(struct kprobe *p, struct pt_regs *regs)
{
	if (nested++)
		return;
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
}

/* Names are compared under the checker's own lock: a mutex with a new one, taken just there, must not wait for that. */
KTEST(lockdep, a_mutex_in_the_middle_of_the_checker_is_reported)
{
	struct kprobe p = { .addr = (u64)strcmp, .pre = take_a_mutex, .technique = KPROBE_STEP };
	static SPINLOCK(newcomer);

	begin();
	mutex_init(&mutex_a, "mutex_x");
	nested = 0;
	if (probe_on(&p)) {
		take_both(&lock_a, &newcomer);
		probe_off(&p);
	}
	EXPECT(nested);
	end(2); /* and its wait queue's spinlock */
}

static int end_with_a_mutex(void *arg)
{
	mutex_lock(&mutex_b);
	return 0;
}

KTEST(lockdep, a_thread_that_ends_with_a_mutex_is_reported)
{
	begin();
	mutex_init(&mutex_b, "mutex_b");
	thread_join(thread_create("forgetful", end_with_a_mutex, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL));
	end(1);
}

/* More names than there is room for: the rest isn't watched, and that is said. */
KTEST(lockdep, too_many_classes_are_survived)
{
	static char names[80][8];
	struct spinlock many[2] = { 0 };

	begin();
	for (int i = 0; i < 80; i++) {
		snprintf(names[i], sizeof(names[i]), "lock%d", i);
		many[i % 2].name = names[i];
		take_both(&many[i % 2], &lock_c);
	}
	take_both(&lock_c, &many[1]);
	end(0);
}

static void grab_and_hold(struct spinlock *locks, u32 n)
{
	if (!n)
		return;
	spin_lock(locks);
	grab_and_hold(locks + 1, n - 1);
	spin_unlock(locks);
}

/* Deeper than what is remembered: the outermost are forgotten, and giving them back is no mistake. */
KTEST(lockdep, more_locks_held_than_are_remembered)
{
	static char names[LOCKDEP_MAX_HELD + 4][8];
	struct spinlock locks[LOCKDEP_MAX_HELD + 4] = { 0 };
	u64 flags;

	begin();
	for (u32 i = 0; i < ARRAY_SIZE(locks); i++) {
		snprintf(names[i], sizeof(names[i]), "deep%u", i);
		locks[i].name = names[i];
	}
	flags = local_irq_save();
	grab_and_hold(locks, ARRAY_SIZE(locks));
	local_irq_restore(flags);
	end(0);
}

static volatile bool enough;

/* Its own locks, so that nobody waits; all of one class, so that one thought to be held still shows at the next. */
static int take_and_give_back(void *cpu)
{
	struct spinlock l = { .name = "own lock" };
	struct mutex m;

	mutex_init(&m, "own mutex");
	while (!enough) {
		for (int i = 0; i < 16; i++) {
			spin_unlock_irqrestore(&l, spin_lock_irqsave(&l));
			mutex_lock(&m);
			mutex_unlock(&m);
		}
		cpu_relax();
		thread_yield(); /* with one CPU the switching waits for it */
	}
	return 0;
}

/* A lock that was taken watched may be given back unwatched: it isn't held for ever after. */
KTEST(lockdep, debug_is_switched_while_locks_are_taken)
{
	begin();
	enough = false;
	crowd_start(take_and_give_back, 1);
	for (unsigned i = 0; i < stressed(100); i++) {
		static_key_set(&debug_key, i % 2);
		thread_yield();
	}
	enough = true;
	EXPECT_EQ(crowd_join(), 0);
	static_key_set(&debug_key, true);
	end(0);
}
