/* A grace period that doesn't end: which CPU keeps it waiting, what it shows, and what it is doing this moment. */
#include "arch/x86/cpu/percpu.h"
#include "context/context.h"
#include "context/watch.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "rcu/internal.h"
#include "sched/thread.h"
#include "trace/clock.h"

u64 rcu_stall_timeout = 10 * 1000 * 1000 * 1000ul;
u64 rcu_stalls;

/*
 * In an interrupt: does what it interrupted keep the grace-period thread from running here? Idle, which holds preemption
 * off, too, doesn't: it was left by the interrupt's own nesting, the only one.
 */
static u32 held_here(void)
{
	return in_hardirq() && preempt_depth() && this_cpu(watch).nesting > 1 ? 1u << this_cpu(cpu_number)
									      : 0;
}

static void report_cpu(const struct rcu_wait *w, u32 cpu)
{
	const struct watch *now = per_cpu_ptr(watch, cpu);
	u64 switches = READ_ONCE(per_cpu_ptr(quiescent, cpu)->switches);

	printk("rcu: \tCPU %u: counter %u (%s), nesting %u, nmi_nesting %u, switches %lu%s\n", cpu,
	       READ_ONCE(now->counter), READ_ONCE(now->counter) & 1 ? "watching" : "not watching",
	       READ_ONCE(now->nesting), READ_ONCE(now->nmi_nesting), switches,
	       w->cpus & 1u << cpu && switches == w->switches[cpu] ? ", none since the grace period began"
								   : "");
}

static void report(const struct rcu_wait *w, u32 cpus)
{
	__atomic_fetch_add(&rcu_stalls, 1, __ATOMIC_RELAXED);
	printk("rcu: INFO: %s detected stalls on CPUs:\n", w->flavour);
	for (u32 left = cpus; left; left &= left - 1)
		report_cpu(w, (u32)__builtin_ctz(left));
	printk("rcu: \t(detected by CPU %u, t=%lu ms, g=%lu)\n", this_cpu(cpu_number),
	       (trace_clock() - w->begun) / 1000000, READ_ONCE(rcu_gp_seq));
	warn_cpus(cpus);
}

/* Several may find that it is time; one reports. */
static bool is_time(u64 *at)
{
	u64 due = READ_ONCE(*at), now = trace_clock();

	return due && now >= due &&
	       __atomic_compare_exchange_n(at, &due, now + rcu_stall_timeout, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

void rcu_stall_check(struct rcu_wait *w)
{
	struct rcu_wait now = *w;
	u32 cpus;

	if (!is_time(&w->report_at))
		return;
	cpus = rcu_still_waiting(&now);
	if (!cpus) /* then it is the thread that doesn't come to look */
		cpus = held_here();
	if (cpus)
		report(w, cpus);
}

void rcu_stall_check_gp(void)
{
	u32 cpu = READ_ONCE(rcu_gp_thread->cpu);

	if (READ_ONCE(rcu_gp_wait.report_at)) {
		rcu_stall_check(&rcu_gp_wait);
		return;
	}
	__atomic_fetch_add(&rcu_stalls, 1, __ATOMIC_RELAXED);
	printk("rcu: INFO: thread %s hasn't begun a grace period for %lu ms; its CPU is %u\n",
	       rcu_gp_thread->comm, rcu_stall_timeout / 1000000, cpu);
	warn_cpus(1u << cpu);
}

/* On the waiter's CPU, in case that is the one whose reader doesn't end. */
static void expired(struct timer *t)
{
	struct rcu_wait *w = container_of(t, struct rcu_wait, timer);

	rcu_stall_check(w);
	timer_set(t, w->report_at);
}

void rcu_stall_begin(struct rcu_wait *w)
{
	w->begun = trace_clock();
	WRITE_ONCE(w->report_at, w->begun + rcu_stall_timeout);
	timer_init(&w->timer, expired);
	timer_set(&w->timer, w->report_at);
}

void rcu_stall_end(struct rcu_wait *w)
{
	if (!w->report_at)
		return;
	timer_cancel(&w->timer);
	WRITE_ONCE(w->report_at, 0);
}
