/*
 * Freeing places whose copy runs with interrupts on: a thread may be preempted in there, so a thread of our own waits
 * until each has run by its own will, and frees all that came together. It waits for the places of jumps, too (optimize.c).
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "kprobe/internal.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "sched/thread.h"

static struct kprobe_site *given_up; /* the newest first */
static u64 begun, ended;	     /* +1 each */
static struct thread *freer;
static struct wait_queue wanted, done;

void site_free_later(struct kprobe_site *s)
{
	__atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
	s->freed = READ_ONCE(given_up);
	while (!__atomic_compare_exchange_n(&given_up, &s->freed, s, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		cpu_relax();
	wake_one(&wanted);
}

bool later_wake(void)
{
	wake_one(&wanted);
	return freer;
}

static void free_all(struct kprobe_site *s)
{
	while (s) {
		struct kprobe_site *next = s->freed;

		if (s->slot)
			slot_free(s->slot);
		trampolines_give_back(s);
		detour_free(s);
		kfree(s);
		s = next;
		__atomic_fetch_add(&ended, 1, __ATOMIC_RELEASE);
	}
	wake_all(&done);
}

static int later_loop(void *arg)
{
	for (;;) {
		struct kprobe_site *all;
		bool optimizing;

		wait_event(&wanted, READ_ONCE(given_up) || time_after_deadline(optimize_at()));
		all = __atomic_exchange_n(&given_up, NULL, __ATOMIC_ACQUIRE);
		optimizing = optimize_begin();
		if (all || optimizing)
			synchronize_rcu_tasks();
		free_all(all);
		if (optimizing)
			optimize_finish();
	}
	return 0;
}

void kprobe_flush(void)
{
	u64 until = READ_ONCE(begun);

	if (!freer)
		return; /* boot: what was given up waits for it */
	wait_event(&done, (s64)(__atomic_load_n(&ended, __ATOMIC_ACQUIRE) - until) >= 0);
}

void later_init(void)
{
	wait_queue_init(&wanted, "kprobes given up");
	wait_queue_init(&done, "kprobes freed");
}

int kprobe_later_init(void)
{
	freer = thread_create("kprobes", later_loop, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	return freer ? 0 : -ENOMEM;
}
