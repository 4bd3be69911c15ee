/* RCU's two other flavours: waiting for threads, and for readers that may sleep and move and be where RCU isn't watching. */
#include "context/context.h"
#include "context/rcu_trace.h"
#include "context/watch.h"
#include "kernel/nmi.h"
#include "rcu/rcu.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/rcu_scene.h"

#define NAP_NS 100000
#define NAPS   20

static void one_waits_for(int (*holder)(void *arg), u8 priority, void (*wait)(void))
{
	struct thread *t;

	do {
		scene_begin();
		t = thread_on(scene.there, holder, priority);
		scene_wait(wait);
		thread_join(t);
	} while (!scene_end());
}

static int spin(void *arg)
{
	scene_hold();
	return 0;
}

KTEST(rcu, a_thread_that_does_not_block_is_waited_for)
{
	one_waits_for(spin, PRIORITY_DEFAULT, synchronize_rcu_tasks);
}

static volatile bool let_go, over;

static int spin_until_let_go(void *arg)
{
	scene.held = true;
	while (!let_go)
		cpu_relax();
	scene.ended = true;
	return 0;
}

static int keep_from_running(void *arg)
{
	while (!scene.waiting)
		cpu_relax();
	for (u32 i = 0; i < SCENE_TURNS; i++)
		cpu_relax();
	let_go = true;
	return 0;
}

/* One that isn't running has not left either. */
KTEST(rcu, a_preempted_thread_is_waited_for)
{
	struct thread *t, *better;

	if (crowd_cpus() == 1)
		return;
	scene_begin();
	let_go = false;
	t = thread_on(scene.there, spin_until_let_go, PRIORITY_DEFAULT - 1);
	scene_wait_held();
	better = thread_on(scene.there, keep_from_running, PRIORITY_DEFAULT);
	scene_wait(synchronize_rcu_tasks);
	thread_join(better);
	thread_join(t);
	scene_end();
}

static struct wait_queue bed;

static int sleep_until_over(void *arg)
{
	scene.held = true;
	wait_event(&bed, over);
	return 0;
}

/* Or this wouldn't end. */
KTEST(rcu, a_sleeping_thread_is_not_waited_for)
{
	struct thread *t;

	scene_begin();
	wait_queue_init(&bed, "bed");
	over = false;
	t = thread_on(scene.there, sleep_until_over, PRIORITY_DEFAULT);
	scene_wait_held();
	synchronize_rcu_tasks();
	over = true;
	wake_all(&bed);
	thread_join(t);
	scene_end();
}

static int say_so_until_over(void *arg)
{
	scene.held = true;
	while (!over) {
		rcu_tasks_qs();
		cpu_relax();
	}
	return 0;
}

/* Nor this: it ends after the wait. */
KTEST(rcu, a_thread_that_says_it_is_inside_nothing_is_not_waited_for)
{
	struct thread *t;

	scene_begin();
	over = false;
	t = thread_on(scene.there, say_so_until_over, PRIORITY_DEFAULT);
	scene_wait_held(); /* one that hasn't begun isn't waited for anyway */
	synchronize_rcu_tasks();
	over = true;
	thread_join(t);
	scene_end();
}

static int spin_until_over(void *arg)
{
	for (u32 i = 0; i < SCENE_PATIENCE && !over; i++)
		cpu_relax();
	return !over;
}

static volatile bool came_back;
static int wait_for_tasks(void *arg)
{
	synchronize_rcu_tasks();
	came_back = true;
	return !scene.ended;
}

/* Whether a new one, that spins from before the old one goes until the waiter is back, was given up. */
static bool new_one_is_waited_for(void)
{
	struct thread *old, *new, *waiter;
	bool given_up;

	scene_begin();
	let_go = over = came_back = false;
	old = thread_on(scene.there, spin_until_let_go, PRIORITY_DEFAULT - 1);
	scene_wait_held();
	waiter = thread_on(scene.here, wait_for_tasks, PRIORITY_DEFAULT);
	while (!READ_ONCE(old->holdout))
		sleep_ns(NAP_NS);
	new = thread_on(scene.there, spin_until_over, PRIORITY_DEFAULT - 1);
	let_go = true;
	while (!came_back)
		sleep_ns(NAP_NS);
	EXPECT_EQ(thread_join(waiter), 0);
	over = true;
	given_up = thread_join(new) != 0;
	thread_join(old);
	scene_end();
	return given_up;
}

/* Somebody else's wait may have been under way, who freed a probe: then ours began after the new one did. */
KTEST(rcu, a_new_thread_is_not_waited_for)
{
	int tries = 4;

	while (tries && new_one_is_waited_for())
		tries--;
	EXPECT(tries);
}

/* The same as scene_hold(), by one who sleeps. */
static void hold_asleep(void)
{
	scene.held = true;
	while (!scene.waiting)
		sleep_ns(NAP_NS);
	for (u32 i = 0; i < NAPS; i++)
		sleep_ns(NAP_NS);
	scene.ended = true;
}

static int read_asleep(void *arg)
{
	rcu_read_lock_trace();
	hold_asleep();
	rcu_read_unlock_trace();
	return 0;
}

static int read_on_the_move(void *arg)
{
	rcu_read_lock_trace();
	thread_set_affinity(1u << scene.here);
	hold_asleep();
	thread_set_affinity(1u << scene.there);
	rcu_read_unlock_trace();
	return 0;
}

static int read_nested(void *arg)
{
	rcu_read_lock_trace();
	for (u32 i = 0; i < 3; i++) {
		rcu_read_lock_trace();
		thread_yield();
		rcu_read_unlock_trace();
	}
	hold_asleep();
	rcu_read_unlock_trace();
	return 0;
}

KTEST(rcu, a_trace_reader_may_sleep)
{
	one_waits_for(read_asleep, PRIORITY_DEFAULT, synchronize_rcu_tasks_trace);
}
KTEST(rcu, a_trace_reader_may_move)
{
	one_waits_for(read_on_the_move, PRIORITY_DEFAULT, synchronize_rcu_tasks_trace);
}
KTEST(rcu, trace_readers_nest)
{
	one_waits_for(read_nested, PRIORITY_DEFAULT, synchronize_rcu_tasks_trace);
}

static bool watched;

static int read_unwatched(void *arg)
{
	u64 flags = local_irq_save();

	rcu_idle_enter();
	rcu_read_lock_trace();
	watched = rcu_is_watching();
	scene_hold();
	rcu_read_unlock_trace();
	rcu_idle_exit();
	local_irq_restore(flags);
	return 0;
}

KTEST(rcu, a_trace_reader_need_not_be_watched)
{
	if (crowd_cpus() == 1)
		return;
	watched = true;
	one_waits_for(read_unwatched, PRIORITY_DEFAULT, synchronize_rcu_tasks_trace);
	EXPECT(!watched);
}

static void read_in_probe(struct kprobe *p, struct pt_regs *regs)
{
	if (this_cpu(cpu_number) != scene.there || scene.held)
		return;
	rcu_read_lock_trace();
	scene_hold();
	rcu_read_unlock_trace();
}

KTEST(rcu, a_trace_reader_in_an_nmi_is_waited_for)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = read_in_probe, .technique = KPROBE_INT3 };

	if (crowd_cpus() == 1 || !probe_on(&p))
		return;
	do {
		scene_begin();
		nmi_send(scene.there);
		scene_wait(synchronize_rcu_tasks_trace);
	} while (!scene_end());
	probe_off(&p);
}

static int wait_for_trace(void *arg)
{
	synchronize_rcu_tasks_trace();
	came_back = true;
	return !scene.ended;
}

static int read_until_over(void *arg)
{
	rcu_read_lock_trace();
	wait_event(&bed, over);
	rcu_read_unlock_trace();
	return 0;
}

KTEST(rcu, a_new_trace_reader_is_not_waited_for)
{
	u32 index = READ_ONCE(rcu_trace_index);
	struct thread *old, *new, *waiter;

	scene_begin();
	wait_queue_init(&bed, "bed");
	over = came_back = false;
	old = thread_on(scene.there, read_asleep, PRIORITY_DEFAULT);
	scene_wait_held();
	waiter = thread_on(scene.here, wait_for_trace, PRIORITY_DEFAULT);
	while (READ_ONCE(rcu_trace_index) == index)
		sleep_ns(NAP_NS);
	new = thread_on(scene.there, read_until_over, PRIORITY_DEFAULT);
	while (READ_ONCE(new->state) != THREAD_BLOCKED)
		sleep_ns(NAP_NS);
	EXPECT(!came_back);
	scene.waiting = true;
	while (!came_back)
		sleep_ns(NAP_NS);
	EXPECT_EQ(thread_join(waiter), 0);
	over = true;
	wake_all(&bed);
	thread_join(new);
	thread_join(old);
	scene_end();
}
