/* The file `backtrace`: what every CPU is doing this moment, asked by NMI, so that it works whatever they are doing. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kernel/backtrace.h"
#include "kernel/nmi.h"
#include "kernel/printk.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "sched/thread.h"
#include "trace/clock.h"

#define ANSWER_SIZE   2560
#define ANSWER_WITHIN (1000 * 1000 * 1000ul) /* ns */

/* Bit n: CPU n. */
static u32
	asked; /* is to write its answer; the CPU takes the bit away when it begins, the asker when it gives up */
static u32 begun;    /* has begun to write */
static u32 answered; /* has written */
static u32 busy;     /* somebody is asking */
static char answers[NR_CPUS][ANSWER_SIZE];

static void write_answer(u32 cpu, const struct pt_regs *regs)
{
	struct thread *t = current();
	struct seq_buf b;

	seq_buf_init(&b, answers[cpu], ANSWER_SIZE - 8);
	seq_printf(&b.seq, "CPU %u, thread %s (%d):\n", cpu, t->comm, t->tid);
	backtrace(&b.seq, regs);
	if (b.seq.overflow) {
		b.size += 8;
		seq_puts(&b.seq, "\n  ...\n");
	}
}

void nmi_backtrace_answer(const struct pt_regs *regs)
{
	u32 cpu = this_cpu(cpu_number), bit = 1u << cpu;

	if (!(__atomic_fetch_and(&asked, ~bit, __ATOMIC_ACQUIRE) & bit))
		return;
	__atomic_fetch_or(&begun, bit, __ATOMIC_RELAXED);
	write_answer(cpu, regs);
	/* Release: who sees the bit sees the text. */
	__atomic_fetch_or(&answered, bit, __ATOMIC_RELEASE);
}

/* Preemption off. Which of @others have answered in time. */
static u32 ask(u32 others)
{
	u64 deadline = trace_clock() + ANSWER_WITHIN;

	/* One that is still writing an old answer isn't asked again: it would write while we read. */
	others &= ~(READ_ONCE(begun) & ~__atomic_load_n(&answered, __ATOMIC_ACQUIRE));
	__atomic_fetch_and(&begun, ~others, __ATOMIC_RELAXED);
	__atomic_fetch_and(&answered, ~others, __ATOMIC_RELAXED);
	__atomic_fetch_or(&asked, others, __ATOMIC_RELEASE);
	nmi_attention(true);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (others & 1u << cpu)
			nmi_send(cpu);
	while ((__atomic_load_n(&answered, __ATOMIC_ACQUIRE) & others) != others && trace_clock() < deadline)
		cpu_relax();
	__atomic_fetch_and(&asked, ~others, __ATOMIC_RELAXED);
	nmi_attention(false);
	return __atomic_load_n(&answered, __ATOMIC_ACQUIRE) & others;
}

static int ask_and_show(struct seq *out, u32 cpus)
{
	u32 me, have;

	if (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
		return -EBUSY;
	preempt_disable();
	me = this_cpu(cpu_number);
	have = ask(cpus & ~(1u << me)) | 1u << me;
	if (cpus & 1u << me)
		write_answer(me, NULL);
	preempt_enable();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus & 1u << cpu))
			continue;
		if (have & 1u << cpu)
			seq_puts(out, answers[cpu]);
		else
			seq_printf(out, "CPU %u doesn't answer\n", cpu);
	}
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	return 0;
}

static int backtrace_show(struct seq *out, const struct ctl_file *self)
{
	return ask_and_show(out, READ_ONCE(cpus_up));
}
CTL_FILE(ctl_backtrace, .path = "backtrace", .show = backtrace_show);

void warn_cpus(u32 cpus)
{
	if (ask_and_show(printk_seq(), cpus) != 0)
		printk("(another backtrace of all CPUs is being taken)\n");
}
