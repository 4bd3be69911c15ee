/*
 * Traps that come while GS is the user's, in kernel mode: between an entry from user mode and its swapgs. Their
 * handlers must have the kernel's, and what they interrupt must get back what it had.
 */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "kernel/traps.h"
#include "kprobe/bust.h"
#include "lib/ktest.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"
#include "trace/black_box.h"

/* What a user's GS base may be: near CPU 0's own 0, in the middle, the lowest kernel address, and another CPU's. */
static const u64 user_values[] = { 0x1000, 0x00007f5e3c9a1000, 0xffff800000000000, 0xffffffffffffffff };

/*
 * Loads GS base @gs, does @trap, reads GS base, and puts back ours, in one statement: C code would use
 * GS. Interrupts off. r12 and r13 are free for @trap, as are rax, rcx and rdx.
 */
#define UNDER_GS(gs, trap)                                                                 \
	({                                                                                 \
		u64 _found, _own = this_cpu(this_cpu_offset), _gs = (gs);                  \
		__asm__ volatile("wrmsr\n\t" trap "\n\t"                                   \
				 "mov $0xc0000101, %%ecx\n\t"                              \
				 "rdmsr\n\t"                                               \
				 "shl $32, %%rdx\n\t"                                      \
				 "or %%rax, %%rdx\n\t"                                     \
				 "mov %%rdx, %%r12\n\t"                                    \
				 "mov %%rbx, %%rax\n\t"                                    \
				 "mov %%rbx, %%rdx\n\t"                                    \
				 "shr $32, %%rdx\n\t"                                      \
				 "wrmsr\n\t"                                               \
				 "mov %%r12, %%rbx"                                        \
				 : "=b"(_found)                                            \
				 : "a"((u32)_gs), "d"((u32)(_gs >> 32)), "c"(MSR_GS_BASE), \
				   "0"(_own), [icr] "S"(APIC_VA + 0x300),                  \
				   [id] "D"((u32)cpu_apic_id[this_cpu(cpu_number)] << 24)  \
				 : "r12", "r13", "cc", "memory");                          \
		_found;                                                                    \
	})

#define LISTED "\n2:\t" EX_TABLE(2b, 2b)

/* Out of .text: a probe's int3 would find the user's GS. And #DB's stub looks at GS only where an entry may be. */
static __emergency noinline u64 by_int2(u64 gs) { return UNDER_GS(gs, "int $2"); }
static __emergency noinline u64 by_int18(u64 gs) { return UNDER_GS(gs, "int $18" LISTED); }
static __emergency noinline u64 by_int1(u64 gs) { return UNDER_GS(gs, "int $1" LISTED); }
static __emergency noinline u64 by_step(u64 gs)
{
	return UNDER_GS(gs, "pushfq; orl $0x100, (%%rsp); popfq; nop" LISTED);
}
/* On the user's stack, as at the first instruction behind syscall. */
static __emergency noinline u64 by_int1_on_another_stack(u64 gs)
{
	return UNDER_GS(gs, "mov %%rsp, %%r13; mov $0x7008, %%esp; int $1" LISTED "mov %%r13, %%rsp");
}
static __emergency noinline u64 by_int2_on_another_stack(u64 gs)
{
	return UNDER_GS(gs, "mov %%rsp, %%r13; mov $0x7008, %%esp; int $2; mov %%r13, %%rsp");
}
/* A real one, from the local APIC to itself, waited for without a word of C. */
static __emergency noinline u64 by_apic(u64 gs)
{
	return UNDER_GS(gs, "mov nmi_count, %%r12; mov $1000000, %%r13d\n\t"
			    "mov %k[id], 0x10(%[icr]); movl $0x4400, (%[icr])\n"
			    "1:\tpause; cmp nmi_count, %%r12; jne 3f; dec %%r13d; jnz 1b\n3:");
}

/* clang-format off */
#define WAY(fn, vector) { #fn, fn, vector }
/* clang-format on */
static const struct {
	const char *name;
	u64 (*trap)(u64 gs);
	unsigned vector;
} ways[] = {
	WAY(by_int2, X86_TRAP_NMI), WAY(by_int2_on_another_stack, X86_TRAP_NMI), WAY(by_apic, X86_TRAP_NMI),
	WAY(by_int1, X86_TRAP_DB),  WAY(by_int1_on_another_stack, X86_TRAP_DB),	 WAY(by_step, X86_TRAP_DB),
	WAY(by_int18, X86_TRAP_MC),
};

static struct bb_record record(u32 n)
{
	struct bb_record r;

	memcpy(&r, this_cpu_ptr(bb_ring[n % BLACK_BOX_RECORDS]), sizeof(r));
	return r;
}

/* In our own black box are its entry and its exit: so GS was ours in between. */
static void one_trap(size_t way, u64 gs)
{
	u64 flags = local_irq_save(), nmis = nmi_count, found;
	struct cpu_accounts before = accounts_now();
	u32 mark = black_box_mark();
	bool nmi = ways[way].vector == X86_TRAP_NMI;

	found = ways[way].trap(gs);
	if (found != gs || black_box_mark() != mark + 2)
		ktest_fail(ways[way].name, (int)this_cpu(cpu_number), "GS base found again", found, gs);
	EXPECT_EQ(black_box_mark(), mark + 2);
	EXPECT_EQ(record(mark).vector, ways[way].vector);
	EXPECT_EQ(record(mark).direction, BB_ENTRY);
	EXPECT_EQ(record(mark + 1).vector, ways[way].vector);
	EXPECT_EQ(record(mark + 1).direction, BB_EXIT);
	EXPECT_EQ(nmi_count, nmis + nmi);
	EXPECT_ACCOUNTS(before);
	local_irq_restore(flags);
}

KTEST(gs, is_the_kernels_in_the_handler_and_the_users_after_it)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
		for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
			for (size_t v = 0; v < ARRAY_SIZE(user_values); v++)
				one_trap(w, user_values[v]);
			one_trap(w, this_cpu(this_cpu_offset)); /* nothing to exchange */
			one_trap(w, per_cpu_offset[0]);		/* what CPU 0 could take for its own */
		}
	}
	thread_set_affinity(CPU_MASK_ALL);
}

/* An NMI in another's first instructions, when nobody has looked at GS yet: it must know, and leave no trace but one. */
KTEST(gs, a_nested_nmi_needs_none)
{
	u64 flags = local_irq_save(), nmis = nmi_count;
	struct ist_top *top = this_cpu(nmi_top);
	u32 nested = top->nmi_nested, mark = black_box_mark();

	for (size_t v = 0; v < ARRAY_SIZE(user_values); v++) {
		top->nmi_running = 1;
		EXPECT_EQ(by_int2(user_values[v]), user_values[v]);
		top->nmi_running = 0;
	}
	EXPECT_EQ(top->nmi_nested, nested + ARRAY_SIZE(user_values));
	EXPECT_EQ(nmi_count, nmis);
	EXPECT_EQ(black_box_mark(), mark);
	local_irq_restore(flags);
}

static u64 own_base, wrong_inside;
static u32 again; /* NMIs that the handler still has to send to its own CPU */

/* In an int3 inside the NMI, whose iretq lets in what is sent here. */
static void look_inside(struct kprobe *p, struct pt_regs *regs)
{
	u8 byte;

	wrong_inside += rdmsr(MSR_GS_BASE) != own_base;
	kernel_read_nofault(&byte, (void *)8, 1);
	if (again) {
		again--;
		apic_send_nmi(cpu_apic_id[this_cpu(cpu_number)]);
	}
}

#define AGAIN 5

/* The int3 is stepped, too: a #DB on the stack that this vector has while an NMI runs. */
static void nested_nmis(const struct kprobe *p)
{
	u64 flags = local_irq_save(), nmis = nmi_count, hits = p->hits;
	u32 nested = this_cpu(nmi_top)->nmi_nested;

	own_base = this_cpu(this_cpu_offset);
	for (size_t v = 0; v < ARRAY_SIZE(user_values); v++) {
		again = AGAIN;
		EXPECT_EQ(by_int2(user_values[v]), user_values[v]);
	}
	EXPECT_EQ(nmi_count - nmis, ARRAY_SIZE(user_values) * (1 + AGAIN));
	EXPECT_EQ(p->hits - hits, nmi_count - nmis);
	EXPECT_EQ(this_cpu(nmi_top)->nmi_nested - nested, ARRAY_SIZE(user_values) * AGAIN);
	EXPECT_EQ(this_cpu(nmi_top)->nmi_running, 0);
	local_irq_restore(flags);
}

KTEST(gs, survives_nested_nmis)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = look_inside };

	wrong_inside = 0;
	if (!probe_on(&p))
		return;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
		nested_nmis(&p);
	}
	probe_off(&p);
	EXPECT_EQ(wrong_inside, 0);
	thread_set_affinity(CPU_MASK_ALL);
}

#define STORM 500

/* Named in assembly. */
extern u32 gs_storm_senders, gs_storm_wrong;
u32 gs_storm_senders, gs_storm_wrong;

static int send_nmis(void *to)
{
	for (int i = 0; i < STORM; i++) {
		apic_send_nmi(cpu_apic_id[(long)to]);
		for (int k = 0; k < i % 64; k++)
			cpu_relax();
	}
	__atomic_fetch_sub(&gs_storm_senders, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* Under the user's GS until the senders are done, looking at it all the time. */
static __emergency noinline u64 watch_storm(u64 gs)
{
	return UNDER_GS(gs, "mov %%rax, %%r12; mov %%rdx, %%r13\n"
			    "1:\tpause; mov $0xc0000101, %%ecx; rdmsr; cmp %%rax, %%r12; jne 3f\n\t"
			    "cmp %%rdx, %%r13; je 4f\n"
			    "3:\tincl gs_storm_wrong\n"
			    "4:\tcmpl $0, gs_storm_senders; jne 1b");
}

/* From other CPUs, so they come anywhere in a handler that lets them in: also when GS is back already, or not yet ours. */
KTEST(gs, survives_a_storm_of_nmis)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = look_inside };
	struct thread *threads[2] = { NULL, NULL };
	u64 flags, nmis;
	u32 n = 0;

	EXPECT_EQ(thread_set_affinity(1), 0);
	if (!probe_on(&p))
		return;
	own_base = this_cpu(this_cpu_offset);
	wrong_inside = again = gs_storm_wrong = 0;
	nmis = nmi_count;
	gs_storm_senders = 2;
	for (u32 cpu = 1; cpu < NR_CPUS && n < 2; cpu++)
		if (cpus_up & 1u << cpu)
			threads[n++] =
				thread_create("storm", send_nmis, (void *)0, PRIORITY_DEFAULT, 1u << cpu);
	__atomic_fetch_sub(&gs_storm_senders, 2 - n, __ATOMIC_SEQ_CST);
	flags = local_irq_save();
	EXPECT_EQ(watch_storm(user_values[1]), user_values[1]);
	local_irq_restore(flags);
	for (u32 i = 0; i < n; i++)
		thread_join(threads[i]);
	probe_off(&p);
	thread_set_affinity(CPU_MASK_ALL);
	EXPECT_EQ(gs_storm_wrong, 0);
	EXPECT_EQ(wrong_inside, 0);
	EXPECT_EQ(p.hits + p.nmissed, nmi_count - nmis);
	EXPECT(!n || nmi_count != nmis);
	EXPECT_EQ(per_cpu_ptr(nmi_top, 0)[0]->nmi_running, 0);
}

/* The recursion begins inside the NMI: there GS is the kernel's, there the way back leads, and then the NMI gives back the user's. */
KTEST(gs, survives_the_way_back)
{
	struct kprobe p = { .addr = (u64)rcu_nmi_enter };
	u64 flags, busts = bust_count, nmis, found;
	struct cpu_accounts before;
	u32 running;

	kprobe_unsafe = true;
	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	before = accounts_now();
	nmis = nmi_count;
	found = by_int2(user_values[1]);
	nmis = nmi_count - nmis;
	running = this_cpu(nmi_top)->nmi_running;
	EXPECT_ACCOUNTS(before);
	local_irq_restore(flags);
	kprobe_unsafe = false;
	sweep_arm_again();
	EXPECT_EQ(found, user_values[1]);
	EXPECT_EQ(bust_count, busts + 1);
	EXPECT_EQ(nmis, 1);
	EXPECT_EQ(running, 0);
	probe_off(&p);
}

static u32 sent_by_observer;

/* The bust shows its pokes, when no probe is left and the NMI isn't let go on yet. */
static void send_one(void *addr, u64 alias)
{
	if (sent_by_observer++ == 0)
		apic_send_nmi(cpu_apic_id[this_cpu(cpu_number)]);
}

/*
 * A real NMI masks the next until an iretq, here that of #DF, after the bust. The one that waits must be nested then,
 * though the recursion began before the context word said NMI.
 */
KTEST(gs, a_busted_nmi_is_still_running)
{
	struct kprobe p = { .addr = (u64)rcu_nmi_enter };
	u64 flags, busts = bust_count, nmis, found;
	u32 nested, running;
	struct cpu_accounts before;

	kprobe_unsafe = true;
	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	before = accounts_now();
	nmis = nmi_count;
	nested = this_cpu(nmi_top)->nmi_nested;
	sent_by_observer = 0;
	text_poke_observer = send_one;
	found = by_apic(user_values[1]);
	text_poke_observer = NULL;
	nested = this_cpu(nmi_top)->nmi_nested - nested;
	nmis = nmi_count - nmis;
	running = this_cpu(nmi_top)->nmi_running;
	EXPECT_ACCOUNTS(before);
	local_irq_restore(flags);
	kprobe_unsafe = false;
	sweep_arm_again();
	EXPECT_EQ(found, user_values[1]);
	EXPECT_EQ(bust_count, busts + 1);
	EXPECT_EQ(sent_by_observer, 1);
	EXPECT_EQ(nested, 1);
	EXPECT_EQ(nmis, 2);
	EXPECT_EQ(running, 0);
	probe_off(&p);
}
