/* Grace periods, one after the other, by a thread that sleeps while nobody wants one. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/irq_work.h"
#include "lib/bug.h"
#include "lib/chaos.h"
#include "lib/tracepoint.h"
#include "rcu/internal.h"
#include "sched/thread.h"
#include "sched/wait.h"
#include "trace/clock.h"
#include "trace/ring_buffer.h"

/* Callbacks wait this long for others, so that one grace period does for many. */
#define GATHER_NS (1000 * 1000ul)

u64 rcu_gp_seq;	    /* +1 when a grace period begins, and when it ends */
u64 rcu_gp_wanted;  /* the last number that somebody waits for, */
static u64 hurried; /* and the last that somebody waits for with nothing better to do */
u64 rcu_gp_due;	    /* and the last that will be without another wake */
static struct wait_queue wanted_queue, ended;
struct thread *rcu_gp_thread;
struct rcu_wait rcu_gp_wait = { .flavour = "rcu_sched" };

u64 get_state_synchronize_rcu(void) { return rcu_seq_snap(&rcu_gp_seq); }

bool poll_state_synchronize_rcu(u64 cookie)
{
	bool ended_already = __atomic_load_n(&rcu_gp_seq, __ATOMIC_SEQ_CST) >= cookie;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ended_already;
}

static void wake_gp_thread(struct irq_work *w)
{
	if (READ_ONCE(rcu_gp_thread))
		wake_one(&wanted_queue);
}
static DEFINE_PER_CPU(struct irq_work, waker) = IRQ_WORK_INIT(wake_gp_thread);

bool rcu_may_block(void)
{
	return !in_atomic() && irqs_enabled() && current()->state == THREAD_RUNNABLE &&
	       current() != rcu_gp_thread;
}

static void raise(u64 *to, u64 seq)
{
	u64 old = READ_ONCE(*to);

	while (old < seq &&
	       !__atomic_compare_exchange_n(to, &old, seq, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

/*
 * In the middle of a grace period the thread is going to look. Else it is woken, also for a number that was raised before:
 * who raised it may have been preempted, or undone by bust_kprobes(), before the wake. Whoever may hold any lock, or have
 * interrupted its holder, leaves the wake to an interrupt.
 */
void rcu_request(u64 seq, bool hurry)
{
	raise(&rcu_gp_wanted, seq);
	if (hurry)
		raise(&hurried, seq);
	if (READ_ONCE(rcu_gp_seq) & 1) {
		raise(&rcu_gp_due, seq);
		return;
	}
	if (rcu_may_block())
		wake_gp_thread(NULL);
	else {
		u64 flags = local_irq_save(); /* it stays this CPU's */

		irq_work_queue(this_cpu_ptr(waker));
		local_irq_restore(flags);
	}
}

u64 start_poll_synchronize_rcu(void)
{
	u64 cookie = get_state_synchronize_rcu();

	rcu_request(cookie, false);
	return cookie;
}

void cond_synchronize_rcu(u64 cookie)
{
	BUG_ON(!rcu_gp_thread);
	rcu_request(cookie, true);
	while (!wait_event_until(&ended, poll_state_synchronize_rcu(cookie),
				 trace_clock() + rcu_stall_timeout))
		rcu_stall_check_gp();
}

void synchronize_rcu(void) { cond_synchronize_rcu(get_state_synchronize_rcu()); }

/* Whoever writes events has preemption off, or is no thread: a reader like any other. */
void trace_synchronize(void) { synchronize_rcu(); }

/*
 * The order is all. It begins, so that whoever queues a callback from here on asks for the next one; then callbacks are
 * taken, so that those who asked for this one have theirs in it; then the CPUs are looked at. The addition is the full
 * barrier between what was taken out before and that look (tests/model has what happens without it).
 */
static void grace_period(void)
{
	__atomic_fetch_add(&rcu_gp_seq, 1, __ATOMIC_SEQ_CST);
	tracepoint(rcu_grace_period, rcu_gp_wait.flavour, (long)rcu_gp_seq, "start");
	chaos_point();
	rcu_callbacks_take();
	rcu_wait_for_cpus(&rcu_gp_wait, false);
	rcu_stall_end(&rcu_gp_wait);
	tracepoint(rcu_grace_period, rcu_gp_wait.flavour, (long)rcu_gp_seq, "end");
	__atomic_fetch_add(&rcu_gp_seq, 1, __ATOMIC_SEQ_CST);
	rcu_callbacks_done();
	wake_all(&ended);
}

/*
 * From here on the thread may be kept from running by a reader that doesn't end: with one CPU nobody but the timer would
 * notice.
 */
static void gather(void)
{
	rcu_stall_begin(&rcu_gp_wait);
	wait_event_until(&wanted_queue, READ_ONCE(hurried) > rcu_gp_seq, trace_clock() + GATHER_NS);
}

static int gp_loop(void *arg)
{
	for (;;) {
		wait_event(&wanted_queue, READ_ONCE(rcu_gp_wanted) > rcu_gp_seq);
		WRITE_ONCE(rcu_gp_due, READ_ONCE(rcu_gp_wanted));
		if (READ_ONCE(hurried) <= rcu_gp_seq)
			gather();
		grace_period();
	}
	return 0;
}

void rcu_get_stats(struct rcu_stats *s)
{
	*s = (struct rcu_stats){
		.grace_periods = __atomic_load_n(&rcu_gp_seq, __ATOMIC_SEQ_CST) / 2,
		.expedited = rcu_expedited_done,
		.tasks = rcu_tasks_done,
		.tasks_trace = rcu_tasks_trace_done,
		.forced = rcu_forced,
		.stalls = rcu_stalls,
	};
	rcu_callbacks_count(&s->queued, &s->invoked);
}

/* Above all others: what it does is short, and everybody's memory waits for it. */
int rcu_init(void)
{
	wait_queue_init(&wanted_queue, "rcu_gp");
	wait_queue_init(&ended, "synchronize_rcu");
	rcu_expedited_init();
	rcu_tasks_init();
	rcu_tasks_trace_init();
	if (rcu_callbacks_init() != 0)
		return -ENOMEM;
	WRITE_ONCE(rcu_gp_thread, thread_create("rcu_gp", gp_loop, NULL, NR_PRIORITIES - 1, CPU_MASK_ALL));
	return rcu_gp_thread ? 0 : -ENOMEM;
}
