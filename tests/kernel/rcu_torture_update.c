/* RCU's torture, the updaters: four ways to wait for a grace period, each with an element that it replaces on and on. */
#include "context/rcu_read.h"
#include "lib/ktest.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/rcu_torture.h"

#define IN_FLIGHT 8 /* callbacks */
#define NAP_NS	  200000

struct torture_element *torture_slots[TORTURE_SLOTS];

static bool stop;
struct torture_counts torture_counts;

static u64 content(const struct torture_element *e, u32 i) { return (u64)e ^ 0x5ca1ab1e0ddba11ul * (i + 1); }

bool torture_intact(const struct torture_element *e)
{
	for (u32 i = 0; i < ARRAY_SIZE(e->content); i++)
		if (READ_ONCE(e->content[i]) != content(e, i))
			return false;
	return true;
}

static struct torture_element *element_new(void)
{
	struct torture_element *e = kzalloc(sizeof(*e));

	if (!e)
		return NULL;
	for (u32 i = 0; i < ARRAY_SIZE(e->content); i++)
		e->content[i] = content(e, i);
	__atomic_fetch_add(&torture_counts.made, 1, __ATOMIC_RELAXED);
	return e;
}

static void element_free(struct torture_element *e)
{
	for (u32 i = 0; i < ARRAY_SIZE(e->content); i++)
		WRITE_ONCE(e->content[i], ~content(e, i));
	kfree(e);
	__atomic_fetch_add(&torture_counts.freed, 1, __ATOMIC_RELAXED);
}

/* The slot is its updater's alone. What was there is now out of reach for new readers. */
static struct torture_element *replace(u32 slot, struct torture_element *new)
{
	struct torture_element *old = rcu_dereference_protected(torture_slots[slot], true);

	rcu_assign_pointer(torture_slots[slot], new);
	if (old)
		WRITE_ONCE(old->age, 1);
	return old;
}

/* A grace period has ended since. False: that was its last. */
static bool grow_older(struct torture_element *e)
{
	if (e->age < TORTURE_AGES) {
		WRITE_ONCE(e->age, e->age + 1);
		return true;
	}
	element_free(e);
	return false;
}

/* In turn: asked for and looked at; or left to the others for a while, and then waited for. */
static void wait_by_polling(void)
{
	static u32 n;
	bool start = n++ % 2;
	u64 cookie = start ? start_poll_synchronize_rcu() : get_state_synchronize_rcu();

	for (u32 looks = 0; (start || looks < 4) && !poll_state_synchronize_rcu(cookie); looks++)
		sleep_ns(NAP_NS);
	cond_synchronize_rcu(cookie);
}

static void (*const ways[TORTURE_SLOTS - 1])(void) = { synchronize_rcu, synchronize_rcu_expedited,
						       wait_by_polling };

/* Those taken out stand in a row, by age; each wait moves all of them up. */
static void take_out_and_wait(struct torture_element *row[TORTURE_AGES + 1], struct torture_element *out,
			      void (*wait)(void))
{
	row[0] = out;
	wait();
	for (u32 i = TORTURE_AGES; i; i--)
		row[i] = row[i - 1] && grow_older(row[i - 1]) ? row[i - 1] : NULL;
}

static int update_and_wait(void *arg)
{
	struct torture_element *row[TORTURE_AGES + 1] = { NULL };
	u32 slot = (u32)(long)arg;

	while (!READ_ONCE(stop)) {
		take_out_and_wait(row, replace(slot, element_new()), ways[slot]);
		thread_yield(); /* a CPU that is alone has an expedited one for nothing */
	}
	take_out_and_wait(row, replace(slot, NULL), ways[slot]);
	for (u32 i = 0; i < TORTURE_AGES; i++)
		take_out_and_wait(row, NULL, ways[slot]);
	return 0;
}

static void called_back(struct rcu_head *head);

static void queue(struct torture_element *e)
{
	call_rcu(&e->head, called_back);
	__atomic_fetch_add(&torture_counts.queued, 1, __ATOMIC_SEQ_CST);
}

static void called_back(struct rcu_head *head)
{
	struct torture_element *e = container_of(head, struct torture_element, head);

	__atomic_fetch_add(&torture_counts.called, 1, __ATOMIC_SEQ_CST);
	if (grow_older(e))
		queue(e);
}

static int update_and_call(void *arg)
{
	u32 slot = (u32)(long)arg;
	struct torture_element *old;

	while (!READ_ONCE(stop)) {
		old = replace(slot, element_new());
		if (old)
			queue(old);
		while (READ_ONCE(torture_counts.queued) - READ_ONCE(torture_counts.called) >= IN_FLIGHT &&
		       !READ_ONCE(stop))
			sleep_ns(NAP_NS);
	}
	old = replace(slot, NULL);
	if (old)
		queue(old);
	return 0;
}

static struct thread *updaters[TORTURE_SLOTS];

/* Half of the CPUs have none, so that they can idle. */
void torture_updaters_start(void)
{
	u32 cpu = 0;

	stop = false;
	for (long slot = 0; slot < TORTURE_SLOTS; slot++) {
		updaters[slot] =
			thread_create("update", slot == TORTURE_SLOTS - 1 ? update_and_call : update_and_wait,
				      (void *)slot, PRIORITY_DEFAULT, 1u << cpu);
		EXPECT(updaters[slot]);
		cpu = (u32)(slot + 1) % max(1u, crowd_cpus() / 2) ? crowd_next_cpu(cpu) : 0;
	}
}

void torture_updaters_stop(void)
{
	WRITE_ONCE(stop, true);
	for (u32 i = 0; i < TORTURE_SLOTS; i++)
		if (updaters[i])
			thread_join(updaters[i]);
}
