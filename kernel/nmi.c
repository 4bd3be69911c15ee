/* NMIs: credits, so that one from outside is known, and what else one may be sent for. */
#include "kernel/nmi.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "kernel/backtrace.h"
#include "kernel/panic.h"
#include "lib/compiler.h"
#include "lib/printk.h"
#include "lib/seq.h"

#define REPORT_SIZE 2048

u64 nmi_count;
static u32 attention; /* reasons to look closer */

/* Only grows, as nmi_sent does: what was begun and isn't taken yet is this CPU's credit. */
static DEFINE_PER_CPU(u32, taken);
static DEFINE_PER_CPU(u32, nested_before); /* the nested ones, when credits were looked at last */

void nmi_attention(bool on) { __atomic_fetch_add(&attention, on ? 1 : -1u, __ATOMIC_SEQ_CST); }

void nmi_expect(u32 cpu)
{
	struct nmi_sent *s = per_cpu_ptr(nmi_sent, cpu);

	__atomic_fetch_add(&s->begun, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&s->ended, 1, __ATOMIC_SEQ_CST);
}

void nmi_settle(void)
{
	struct nmi_sent *s = this_cpu_ptr(nmi_sent);
	u32 ended = __atomic_load_n(&s->ended, __ATOMIC_ACQUIRE), old = READ_ONCE(this_cpu(taken));

	cpu_relax(); /* accepted isn't delivered: an emulator delivers here, and on hardware this waits longer */
	serialize();
	if (__atomic_load_n(&s->begun, __ATOMIC_ACQUIRE) ==
	    ended) /* an NMI in between has taken one: then not now */
		__atomic_compare_exchange_n(this_cpu_ptr(taken), &old, ended, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

/*
 * NMIs coalesce, so credits are left over, and each would hide an NMI from outside. When no send is under way, at most
 * one more handler can still be due (the one NMI that the CPU holds back), or two if one also came inside a handler
 * (docs/TRICKS.md, "An NMI that nobody sent").
 */
static void drop_credits(void)
{
	struct nmi_sent *s = this_cpu_ptr(nmi_sent);
	u32 ended = __atomic_load_n(&s->ended, __ATOMIC_ACQUIRE); /* first: see there */
	u32 begun = __atomic_load_n(&s->begun, __ATOMIC_ACQUIRE);
	u32 nested = this_cpu(nmi_top)->nmi_nested;
	u32 due = nested == this_cpu(nested_before) ? 1 : 2;

	this_cpu(nested_before) = nested;
	if (begun == ended && begun - this_cpu(taken) > due)
		this_cpu(taken) = begun - due;
}

/* Whole, in one message: all CPUs may have got it at once. */
static void from_outside(const struct pt_regs *regs)
{
	static char reports[NR_CPUS][REPORT_SIZE];
	u32 cpu = this_cpu(cpu_number);
	struct seq_buf report;

	seq_buf_init(&report, reports[cpu], REPORT_SIZE);
	seq_printf(&report.seq, "nmi: CPU %u at %pS, sent by nobody here\n", cpu, (void *)regs->ip);
	backtrace(&report.seq, regs);
	printk("%s%s", report.buf, report.seq.overflow ? "\n" : "");
}

/* All that isn't the most common case, so that this needs no registers kept. */
static noinline void look_closer(const struct pt_regs *regs, u32 credit)
{
	if (!credit)
		from_outside(regs);
	else
		drop_credits();
	if (READ_ONCE(attention)) {
		panic_stop_here(regs);
		nmi_backtrace_answer(regs);
	}
}

void nmi_arrived(struct pt_regs *regs)
{
	u32 credit = READ_ONCE(this_cpu(nmi_sent).begun) - this_cpu(taken);

	__atomic_fetch_add(&nmi_count, 1, __ATOMIC_RELAXED);
	if (likely(credit))
		this_cpu(taken)++;
	if (unlikely(credit - 1 > 1 || READ_ONCE(attention))) /* 0 is far more than 1 here */
		look_closer(regs, credit);
}
