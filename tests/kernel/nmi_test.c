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
#include "tests/kernel/stress.h"

#define SENDERS 2
#define STORM	1250 /* from each */

static volatile u32 senders;
static u64 sent, entered, outer; /* NMIs sent; handlers begun, and those that no nested NMI asked for */
static u32 target;

/* The one place that knows how. */
static void send_nmi(u32 cpu) { nmi_send(cpu); }

static u32 nested_on_target(void) { return READ_ONCE((*per_cpu_ptr(nmi_top, target))->nmi_nested); }
static u64 arrived(void) { return READ_ONCE(entered) + nested_on_target(); }

/*
 * One in eight waits until something has arrived since: else a receiver that the host doesn't run for a while
 * would get one for thousands. (It will: what was sent after we looked, or one that this one was merged with.)
 */
static int send_nmis(void *arg)
{
	unsigned n = stressed(STORM);

	for (unsigned i = 0; i < n; i++) {
		u64 before = arrived();

		send_nmi(target);
		__atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
		for (unsigned k = 0; k < i % 64; k++)
			cpu_relax();
		while (i % 8 == 0 && arrived() == before)
			cpu_relax();
	}
	__atomic_fetch_sub(&senders, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* The ip of the last NMI that came: its frame is at the top of the IST stack, each time anew. */
static u64 pushed_ip(void) { return *((const u64 *)this_cpu(nmi_top) - 5); }

static u64 spoiled_inside;

/* The nested NMI comes in when the fault has returned, and works with these two. */
static void fault_and_look(void)
{
	u64 a = 0x5555555555555555, d = 0x6666666666666666;

	__asm__ volatile("1:\tmovb (%2), %%sil\n2:\n" EX_TABLE(1b, 2b)
			 : "+a"(a), "+d"(d)
			 : "r"(8ul)
			 : "rsi", "memory");
	spoiled_inside += a != 0x5555555555555555 || d != 0x6666666666666666;
}

/*
 * Inside the NMI: a fault, of the kind that is expected. One in four waits until one more NMI was sent, which
 * comes in when the fault returns. A sender doesn't wait for us meanwhile: it looked what has arrived either before we
 * said that we have, and sees that; or after, and then it sends after we looked what was sent.
 */
static void fault_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	const struct pt_regs *nmi = (const struct pt_regs *)regs->di;
	u64 before = __atomic_load_n(&sent, __ATOMIC_SEQ_CST);

	__atomic_store_n(&entered, entered + 1, __ATOMIC_SEQ_CST);
	outer += pushed_ip() == nmi->ip;
	while (entered % 4 == 0 && senders && READ_ONCE(sent) == before)
		cpu_relax();
	fault_and_look();
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

/* Carry, parity, zero, sign, direction, overflow; and the bit that is always set. */
#define ODD_FLAGS (1u << 0 | 1u << 1 | 1u << 2 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 11)

struct frame_loop {
	u64 flags_in, flags, sp_in, sp, cs, canary, a, b;
};

/*
 * What an NMI's frame gives back: ip (both counters go round as often), flags, which the loop doesn't touch, cs,
 * sp, and what lies at it.
 */
static void loop_on_frame(struct frame_loop *f)
{
	__asm__ volatile(
		"pushf\n\t"
		"mov $0x5ca1ab1e, %%r12d\n\t"
		"push %%r12\n\t"
		"mov %%rsp, %c[sp_in](%%rbx)\n\t"
		"xor %%r13d, %%r13d\n\t"
		"xor %%r14d, %%r14d\n\t"
		"mov $200, %%ecx\n\t"
		"push %c[flags_in](%%rbx)\n\t"
		"popf\n"
		"1:\tlea 1(%%r13), %%r13\n\t"
		"pause\n\t"
		"lea 1(%%r14), %%r14\n\t"
		"loop 1b\n\t"
		"pushf\n\t"
		"pop %c[flags](%%rbx)\n\t"
		"cld\n\t"
		"mov %%rsp, %c[sp](%%rbx)\n\t"
		"mov %%cs, %%ecx\n\t"
		"mov %%rcx, %c[cs](%%rbx)\n\t"
		"pop %c[canary](%%rbx)\n\t"
		"mov %%r13, %c[a](%%rbx)\n\t"
		"mov %%r14, %c[b](%%rbx)\n\t"
		"popf"
		:
		: "b"(f), [flags_in] "i"(offsetof(struct frame_loop, flags_in)),
		  [flags] "i"(offsetof(struct frame_loop, flags)),
		  [sp_in] "i"(offsetof(struct frame_loop, sp_in)), [sp] "i"(offsetof(struct frame_loop, sp)),
		  [cs] "i"(offsetof(struct frame_loop, cs)),
		  [canary] "i"(offsetof(struct frame_loop, canary)), [a] "i"(offsetof(struct frame_loop, a)),
		  [b] "i"(offsetof(struct frame_loop, b))
		: "rcx", "r12", "r13", "r14", "cc", "memory");
}

static bool frame_spoiled(void)
{
	struct frame_loop f = { .flags_in = (u64)ODD_FLAGS | X86_EFLAGS_IF };

	loop_on_frame(&f);
	return f.flags != f.flags_in || f.sp != f.sp_in || f.cs != KERNEL_CS || f.canary != 0x5ca1ab1e ||
	       f.a != 200 || f.b != 200;
}

static u32 start_senders(struct thread *threads[SENDERS])
{
	u32 n = 0;

	senders = SENDERS;
	for (u32 cpu = 0; cpu < NR_CPUS && n < SENDERS; cpu++)
		if (cpu != target && cpus_up & 1u << cpu)
			threads[n++] = thread_create("storm", send_nmis, NULL, PRIORITY_DEFAULT, 1u << cpu);
	__atomic_fetch_sub(&senders, SENDERS - n, __ATOMIC_SEQ_CST);
	return n;
}

/* From here to the end of the storm nothing sleeps: idling moves the counter of RCU's watching. */
static u64 bear_it(struct thread *threads[SENDERS], u32 *n)
{
	struct cpu_accounts before = accounts_now();
	u64 spoiled = 0;

	*n = start_senders(threads);
	while (senders)
		spoiled += (registers_spoiled() != 0) + frame_spoiled();
	EXPECT_ACCOUNTS(before);
	return spoiled;
}

KTEST(nmi, a_storm_with_traps_inside_the_handler)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = fault_in_nmi, .technique = KPROBE_INT3 };
	struct thread *threads[SENDERS];
	u64 handled, nested, spoiled;
	u32 n;

	EXPECT_EQ(thread_set_affinity(1), 0);
	target = this_cpu(cpu_number);
	handled = nmi_count;
	nested = nested_on_target();
	sent = entered = outer = spoiled_inside = 0;
	if (!probe_on(&p))
		return;
	spoiled = bear_it(threads, &n);
	for (u32 i = 0; i < n; i++)
		thread_join(threads[i]);
	probe_off(&p);
	preempt_disable();
	nmi_settle();
	preempt_enable();
	thread_set_affinity(CPU_MASK_ALL);
	handled = nmi_count - handled;
	nested = nested_on_target() - nested;
	printk("nmi: %lu sent, %lu received, %lu of them nested, %lu coalesced, %lu handler runs\n", sent,
	       outer + nested, nested, sent - min(sent, outer + nested), handled);
	EXPECT_EQ(spoiled, 0);
	EXPECT_EQ(spoiled_inside, 0);
	EXPECT_EQ(sent, n * stressed(STORM));
	EXPECT_EQ(p.hits + p.nmissed, handled);
	EXPECT_EQ(p.hits, entered);
	EXPECT(outer + nested <= sent);
	EXPECT(!n || outer);
	EXPECT(!nested || entered > outer); /* those had it handled once more */
	EXPECT(nested * 100 >=
	       sent); /* by what is waited for: one in 8 × 2 arrives, and a fifth of those is nested */
	EXPECT_EQ((*per_cpu_ptr(nmi_top, target))->nmi_running, 0);
}

#define FRAME_WORDS 10 /* what #DB's stub has on its stack while it moves the frame */

/*
 * An NMI comes while #DB's stub is on #DB's stack, and takes a #DB of its own: what lies on that stack must
 * be left alone. The stub isn't caught in those few instructions; only its stack is made to look like it.
 */
KTEST(nmi, leaves_the_stack_of_the_debug_stub_alone)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .technique = KPROBE_STEP };
	u64 *words, flags;

	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	words = (u64 *)this_cpu(debug_stack) - FRAME_WORDS;
	for (u64 i = 0; i < FRAME_WORDS; i++)
		WRITE_ONCE(words[i], ~i);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2" ::: "memory");
	for (u64 i = 0; i < FRAME_WORDS; i++)
		EXPECT_EQ(READ_ONCE(words[i]), ~i);
	local_irq_restore(flags);
	EXPECT_EQ(p.hits, 1);
	probe_off(&p);
}

/* Nor has that stub read yet why it was called. */
KTEST(nmi, leaves_the_cause_of_a_debug_exception_alone)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .technique = KPROBE_STEP };
	u64 flags, cause;

	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	write_dr6(DR6_RESERVED | DR6_BS);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2" ::: "memory");
	cause = read_dr6();
	write_dr6(DR6_RESERVED);
	local_irq_restore(flags);
	EXPECT_EQ(cause, DR6_RESERVED | DR6_BS);
	EXPECT_EQ(p.hits, 1);
	probe_off(&p);
}
