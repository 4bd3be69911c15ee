/* Who sent this NMI? One of ours is never taken for one from outside, and hardly ever the other way round. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/extable.h"
#include "kernel/nmi.h"
#include "lib/printf.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "tests/kernel/log.h"
#include "tests/kernel/probe.h"

#define STORM 400

static unsigned number; /* of this test in the log */

/* How many reports of NMIs that nobody sent are in the log since begin(). */
static unsigned reports(void)
{
	const char *at;
	char mark[32];
	unsigned n = 0;

	snprintf(mark, sizeof(mark), "nmi: test %u\n", number);
	at = log_since(mark);
	while ((at = strstr(at, ", sent by nobody here\n"))) {
		at++;
		n++;
	}
	return n;
}

/* Preemption off. Sends one to this CPU and waits for its handler. */
static void nmi_to_self(void (*send)(u32 to), u32 to)
{
	u64 before = READ_ONCE(nmi_count);

	send(to);
	while (READ_ONCE(nmi_count) == before)
		cpu_relax();
}

static void begin(void)
{
	thread_set_affinity(1);
	preempt_disable();
	nmi_settle();
	printk("nmi: test %u\n", ++number);
}
static void end(void)
{
	preempt_enable();
	thread_set_affinity(CPU_MASK_ALL);
}

KTEST(nmi_credit, one_from_outside_is_reported_and_ours_is_not)
{
	begin();
	nmi_to_self(nmi_send, this_cpu(cpu_number));
	nmi_expect(this_cpu(cpu_number));
	nmi_to_self(apic_send_nmi, apic_id());
	EXPECT_EQ(reports(), 0);
	nmi_to_self(apic_send_nmi, apic_id());
	EXPECT_EQ(reports(), 1);
	nmi_to_self(nmi_send, this_cpu(cpu_number));
	EXPECT_EQ(reports(), 1);
	end();
}

/* A fault in the handler: its iretq lets the next NMI in. */
static void fault_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	u8 byte;

	kernel_read_nofault(&byte, (void *)8, 1);
}

static volatile u32 senders;

static int send_storm(void *to)
{
	for (int i = 0; i < STORM; i++) {
		nmi_send((u32)(long)to);
		for (int k = 0; k < i % 64; k++)
			cpu_relax();
	}
	__atomic_fetch_sub(&senders, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* NMIs that coalesce and nest; then as many from outside as it takes to see one. */
KTEST(nmi_credit, a_storm_leaves_hardly_a_credit)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = fault_in_nmi, .technique = KPROBE_INT3 };
	struct thread *threads[NR_CPUS] = { NULL };
	unsigned swallowed = 0;

	begin();
	preempt_enable();
	if (!probe_on(&p))
		return;
	senders = nr_cpus_up() - 1;
	for (u32 cpu = 1; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu)
			threads[cpu] = thread_create("storm", send_storm, NULL, PRIORITY_DEFAULT, 1u << cpu);
	while (senders)
		cpu_relax();
	for (u32 cpu = 1; cpu < NR_CPUS; cpu++)
		if (threads[cpu])
			thread_join(threads[cpu]);
	probe_off(&p);
	EXPECT_EQ(reports(), 0);
	preempt_disable();
	nmi_to_self(nmi_send, this_cpu(cpu_number)); /* with no send under way what is left over goes */
	while (reports() == 0 && swallowed++ < 10)
		nmi_to_self(apic_send_nmi, apic_id());
	EXPECT(swallowed <= 3); /* that many were sent; the last was reported */
	end();
}
