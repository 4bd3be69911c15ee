/* RCU, what its header says: whom a grace period waits for, whom it leaves alone, and what a cookie promises. */
#include "context/rcu_read.h"
#include "kernel/nmi.h"
#include "kernel/traps.h"
#include "lib/string.h"
#include "rcu/rcu.h"
#include "sched/timer.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/rcu_scene.h"
#include "trace/clock.h"

#define VECTOR_TEST 0xe3

struct scene scene;
u32 scenes_alone;

/* Any context. */
static void read_for_long(void)
{
	rcu_read_lock();
	rcu_read_lock();
	rcu_read_unlock(); /* the inner one's end says nothing */
	scene_hold();
	rcu_read_unlock();
}

static int read_in_thread(void *arg)
{
	read_for_long();
	return 0;
}

static int read_in_irq(void *arg)
{
	__asm__ volatile("int %0" : : "i"(VECTOR_TEST) : "memory");
	return 0;
}

static noinline void be_probed(void) { __asm__ volatile("" ::: "memory"); }
static void read_in_probe(struct kprobe *p, struct pt_regs *regs)
{
	if (this_cpu(cpu_number) == scene.there && !scene.held)
		read_for_long();
}

static int read_in_int3(void *arg)
{
	struct kprobe p = { .addr = (u64)be_probed, .pre = read_in_probe, .technique = KPROBE_INT3 };

	if (!probe_on(&p))
		return 1;
	be_probed();
	probe_off(&p);
	return 0;
}

static struct timer timer;
static void read_in_timer(struct timer *t) { read_for_long(); }
static int leave_a_timer(void *arg)
{
	timer_init(&timer, read_in_timer);
	timer_set(&timer, trace_clock() + 2000000);
	return 0;
}

static bool is_idle(u32 cpu)
{
	return !(__atomic_load_n(&per_cpu_ptr(watch, cpu)->counter, __ATOMIC_SEQ_CST) & 1);
}

static void wait_until_idle(u32 cpu)
{
	while (!is_idle(cpu))
		cpu_relax();
}

static void wait_for_callback(void);
static void wait_by_polling(void)
{
	u64 cookie = start_poll_synchronize_rcu();

	while (!poll_state_synchronize_rcu(cookie))
		sleep_ns(100000);
}
static void wait_for_cookie(void) { cond_synchronize_rcu(get_state_synchronize_rcu()); }

static void (*const ways[])(void) = { synchronize_rcu, synchronize_rcu_expedited, wait_by_polling,
				      wait_for_cookie, wait_for_callback };

static bool called;
static void call(struct rcu_head *head) { WRITE_ONCE(called, true); }

static void wait_for_callback(void)
{
	static struct rcu_head head;

	called = false;
	call_rcu(&head, call);
	rcu_barrier();
	EXPECT(called);
}

/* Each way to wait, for a reader that @reader starts on another CPU. */
static void all_wait_for(int (*reader)(void *arg))
{
	for (u32 i = 0; i < ARRAY_SIZE(ways) && crowd_cpus() > 1; i++) {
		struct thread *t;

		do {
			scene_begin();
			t = thread_on(scene.there, reader, PRIORITY_DEFAULT);
			scene_wait(ways[i]);
			thread_join(t);
		} while (!scene_end());
	}
}

KTEST(rcu, a_thread_is_waited_for)
{
	all_wait_for(read_in_thread);
}

KTEST(rcu, an_irq_is_waited_for)
{
	vector_set_handler(VECTOR_TEST, read_for_long);
	all_wait_for(read_in_irq);
	vector_set_handler(VECTOR_TEST, NULL);
}

KTEST(rcu, an_int3_is_waited_for)
{
	all_wait_for(read_in_int3);
}

/* Its CPU would idle. */
KTEST(rcu, a_timer_is_waited_for)
{
	all_wait_for(leave_a_timer);
}

KTEST(rcu, an_nmi_to_an_idle_cpu_is_waited_for)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = read_in_probe, .technique = KPROBE_INT3 };

	if (crowd_cpus() == 1 || !probe_on(&p))
		return;
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		do {
			scene_begin();
			wait_until_idle(scene.there);
			nmi_send(scene.there);
			scene_wait(ways[i]);
		} while (!scene_end());
	}
	probe_off(&p);
}

#define QUIET 5 /* waits in a row */

static u64 counter_of(u32 cpu)
{
	return __atomic_load_n(&per_cpu_ptr(watch, cpu)->counter, __ATOMIC_SEQ_CST);
}

/* Its counter would tell. What was on its way there before may still come, but that has an end. */
static bool leaves_alone(void (*wait)(void), u32 cpu)
{
	u64 before;
	u32 quiet = 0;

	for (u32 i = 0; i < 20 * QUIET && quiet < QUIET; i++) {
		wait_until_idle(cpu);
		before = counter_of(cpu);
		wait();
		quiet = counter_of(cpu) == before ? quiet + 1 : 0;
	}
	return quiet == QUIET;
}

KTEST(rcu, an_idle_cpu_is_neither_waited_for_nor_disturbed)
{
	scene_begin();
	for (u32 i = 0; i < ARRAY_SIZE(ways) && crowd_cpus() > 1; i++)
		EXPECT(leaves_alone(ways[i], scene.there));
	scene_end();
}

KTEST(rcu, a_cookie_comes_true_by_any_grace_period)
{
	u64 cookie = get_state_synchronize_rcu();

	EXPECT(!poll_state_synchronize_rcu(cookie));
	synchronize_rcu();
	EXPECT(poll_state_synchronize_rcu(cookie));
	cond_synchronize_rcu(cookie); /* nothing left to wait for */
	cookie = start_poll_synchronize_rcu();
	wait_by_polling();
	EXPECT(poll_state_synchronize_rcu(cookie));
}

/* A cookie made in the middle of one that a reader keeps from ending isn't for that one. */
static u64 cookie_of_the_middle;
static void ask_in_the_middle(void)
{
	u64 asked = start_poll_synchronize_rcu();

	while (get_state_synchronize_rcu() == asked)
		sleep_ns(100000); /* until it has begun */
	cookie_of_the_middle = get_state_synchronize_rcu();
	scene.waiting = true;
	while (!poll_state_synchronize_rcu(asked))
		sleep_ns(100000);
}

static int read_until_asked(void *arg)
{
	rcu_read_lock();
	scene.held = true;
	while (!scene.waiting)
		cpu_relax();
	scene.ended = true;
	rcu_read_unlock();
	return 0;
}

KTEST(rcu, a_grace_period_in_progress_is_not_enough)
{
	struct thread *t;

	if (crowd_cpus() == 1)
		return;
	synchronize_rcu(); /* so that none is wanted */
	scene_begin();
	t = thread_on(scene.there, read_until_asked, PRIORITY_DEFAULT);
	scene_wait_held();
	ask_in_the_middle();
	EXPECT(scene.ended);
	EXPECT(!poll_state_synchronize_rcu(cookie_of_the_middle));
	cond_synchronize_rcu(cookie_of_the_middle);
	EXPECT(poll_state_synchronize_rcu(cookie_of_the_middle));
	thread_join(t);
	scene_end();
}

/* Nobody hurries it, nobody else wants one: it ends all the same. */
KTEST(rcu, a_callback_alone_is_called)
{
	static struct rcu_head head;

	rcu_barrier();
	called = false;
	call_rcu(&head, call);
	while (!READ_ONCE(called))
		sleep_ns(100000);
	rcu_barrier(); /* it has returned, so its head may be used again */
}
