/*
 * NMIs from other CPUs at one that takes int3s and page faults inside its NMI handler: each of those lets the
 * next NMI in, in the middle of the one before. What the NMIs interrupt must not notice.
 */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/mm/extable.h"
#include "kernel/traps.h"
#include "kprobe/kprobe.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"

#define STORM 500

static volatile u32 senders;
static u64 sent;

static int send_nmis(void *to)
{
	for (int i = 0; i < STORM; i++) {
		nmi_send((u32)(long)to);
		__atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
		for (int k = 0; k < i % 64; k++)
			cpu_relax();
	}
	__atomic_fetch_sub(&senders, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* Inside the NMI: a fault, of the kind that is expected. */
static void fault_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	u8 byte;

	kernel_read_nofault(&byte, (void *)8, 1);
}

/* Every register that an interrupted context has must come back as it was, thousands of times. */
static u64 registers_spoiled(void)
{
	u64 bad = 0;

	__asm__ volatile("mov $0x1111111111111111, %%rbx\n\t"
			 "mov $0x2222222222222222, %%r12\n\t"
			 "mov $0x3333333333333333, %%r13\n\t"
			 "mov $0x4444444444444444, %%r14\n\t"
			 "mov $200, %%ecx\n"
			 "1:\tpause\n\t"
			 "loop 1b\n\t"
			 "lea (%%rbx, %%r12), %%rax\n\t"
			 "add %%r13, %%rax\n\t"
			 "add %%r14, %%rax\n\t"
			 "mov $0xaaaaaaaaaaaaaaaa, %%rdx\n\t"
			 "sub %%rdx, %%rax\n\t"
			 "mov %%rax, %0"
			 : "=r"(bad)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r12", "r13", "r14", "cc", "memory");
	return bad;
}

KTEST(nmi, a_storm_with_traps_inside_the_handler)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = fault_in_nmi };
	struct thread *threads[2] = { NULL, NULL };
	struct cpu_accounts before;
	u64 handled, nested, spoiled = 0;
	u32 here, n = 0;

	EXPECT_EQ(thread_set_affinity(1), 0);
	here = this_cpu(cpu_number);
	handled = nmi_count;
	nested = this_cpu(nmi_top)->nmi_nested;
	sent = 0;
	if (!probe_on(&p))
		return;
	before =
		accounts_now(); /* from here to the end of the storm nothing sleeps: idling moves the counter */
	senders = 2;
	for (u32 cpu = 1; cpu < NR_CPUS && n < 2; cpu++)
		if (cpus_up & 1u << cpu)
			threads[n++] = thread_create("storm", send_nmis, (void *)(long)here, PRIORITY_DEFAULT,
						     1u << cpu);
	__atomic_fetch_sub(&senders, 2 - n, __ATOMIC_SEQ_CST);
	while (senders)
		spoiled += registers_spoiled() != 0;
	EXPECT_ACCOUNTS(before);
	for (u32 i = 0; i < n; i++)
		thread_join(threads[i]);
	probe_off(&p);
	preempt_disable();
	nmi_settle();
	preempt_enable();
	thread_set_affinity(CPU_MASK_ALL);
	handled = nmi_count - handled;
	nested = this_cpu(nmi_top)->nmi_nested - nested;
	printk("nmi: %lu sent, %lu handled, %lu nested, %lu coalesced\n", sent, handled, nested,
	       sent - min(sent, handled + nested));
	EXPECT_EQ(spoiled, 0);
	EXPECT_EQ(p.hits + p.nmissed, handled);
	EXPECT(handled <= sent);
	EXPECT(!n || handled);
	EXPECT_EQ(this_cpu(nmi_top)->nmi_running, 0);
}
