/* Which CPUs may still have a reader from before: each is looked at from afar, and interrupted only if it keeps us waiting. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "context/context.h"
#include "context/watch.h"
#include "lib/chaos.h"
#include "lib/tracepoint.h"
#include "rcu/internal.h"
#include "sched/timer.h"
#include "trace/clock.h"

#define POLL_NS	    (300 * 1000ul)
#define EAGER_LOOKS 200 /* of an expedited one, before it sleeps between them */
#define FORCE_EVERY 16	/* looks: a CPU may have lost the first request to a reader with interrupts off */

u64 rcu_forced;

/*
 * Acquire: what the CPU did before it showed this is done. An even counter is idle or user mode: no reader, and none
 * will begin without the full barrier of the flip.
 */
static void look(u32 cpu, u64 *counter, u64 *switches)
{
	*counter = __atomic_load_n(&per_cpu_ptr(watch, cpu)->counter, __ATOMIC_ACQUIRE);
	*switches = __atomic_load_n(&per_cpu_ptr(quiescent, cpu)->switches, __ATOMIC_ACQUIRE);
}

/* A CPU that isn't up yet finds, when it comes up, what is taken out now no more: setting its bit is a full barrier. */
static void take_snapshot(struct rcu_wait *w)
{
	w->cpus = 0;
	for (u32 up = __atomic_load_n(&cpus_up, __ATOMIC_SEQ_CST); up; up &= up - 1) {
		u32 cpu = (u32)__builtin_ctz(up);

		look(cpu, &w->counter[cpu], &w->switches[cpu]);
		if (w->counter[cpu] & 1)
			w->cpus |= 1u << cpu;
	}
}

/* The counter only grows, so one that differs has been even in between. */
static bool has_been_quiescent(const struct rcu_wait *w, u32 cpu)
{
	u64 counter, switches;

#ifdef MUTANT_rcu_early
	return true;
#endif
	look(cpu, &counter, &switches);
	if (counter != w->counter[cpu])
		tracepoint(rcu_fqs, w->flavour, (long)rcu_gp_seq, (int)cpu, "dti");
	else if (switches != w->switches[cpu])
		tracepoint(rcu_fqs, w->flavour, (long)rcu_gp_seq, (int)cpu, "csw");
	return counter != w->counter[cpu] || switches != w->switches[cpu];
}

u32 rcu_still_waiting(struct rcu_wait *w)
{
	for (u32 left = w->cpus; left; left &= left - 1) {
		u32 cpu = (u32)__builtin_ctz(left);

		if (has_been_quiescent(w, cpu))
			w->cpus &= ~(1u << cpu);
	}
	return w->cpus;
}

/*
 * Where a thread with preemption on runs, here and now, there is no reader: the caller is one. If it isn't, it will block,
 * and be told.
 */
static void quiescent_here(struct rcu_wait *w)
{
	preempt_disable();
	if (preempt_depth() == 1)
		w->cpus &= ~(1u << this_cpu(cpu_number));
	preempt_enable();
}

/* They switch as soon as they have no reader. One that has become idle meanwhile isn't waited for, so isn't here. */
static void force(u32 cpus)
{
	for (; cpus; cpus &= cpus - 1) {
		u32 cpu = (u32)__builtin_ctz(cpus);

		WRITE_ONCE(per_cpu_ptr(quiescent, cpu)->wanted, true);
		preempt_disable();
		apic_send_ipi(cpu_apic_id[cpu], VECTOR_RESCHEDULE);
		preempt_enable();
		__atomic_fetch_add(&rcu_forced, 1, __ATOMIC_RELAXED);
	}
}

static void wait_for_the_rest(struct rcu_wait *w, bool expedited)
{
	if (!w->report_at)
		rcu_stall_begin(w);
	for (u32 looks = 0; rcu_still_waiting(w); looks++) {
		if (looks % FORCE_EVERY == !expedited) /* a normal one gives them the first interval */
			force(w->cpus);
		if (expedited && looks < EAGER_LOOKS)
			cpu_relax();
		else
			sleep_ns(POLL_NS);
		quiescent_here(w);
	}
}

void rcu_wait_for_cpus(struct rcu_wait *w, bool expedited)
{
	take_snapshot(w);
	chaos_point();
	quiescent_here(w);
	if (w->cpus)
		wait_for_the_rest(w, expedited);
}
