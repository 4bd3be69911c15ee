/* Ring 3: what it can't reach, what becomes of its traps, and that there is nothing left of it. */
#include "tests/kernel/ring3.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/wx.h"
#include "kernel/nmi.h"
#include "kprobe/bust.h"
#include "kprobe/watchpoint.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_page.h"

extern const struct ex_entry __start_ex_table[];

static struct pt_regs ended;
static u64 fault_addr;
static void note(struct pt_regs *regs)
{
	ended = *regs;
	fault_addr = read_cr2();
}

/* Ends by a page fault at @addr, with error code @error (SDM vol. 3, figure 4-12), which nobody has touched. */
static void expect_fault(const u8 *program, u64 addr, u64 error)
{
	EXPECT_EQ(ring3_run(program, addr), X86_TRAP_PF);
	EXPECT_EQ(fault_addr, addr);
	EXPECT_EQ(ended.error, error);
	if (program == ring3_jump)
		EXPECT_EQ(ended.ip, addr);
}

#define PRESENT 1ul
#define WRITE	2ul
#define USER	4ul
#define FETCH	16ul

KTEST(ring3, reaches_nothing_but_its_pages)
{
	u64 busts = bust_count, listed = __start_ex_table[0].insn;

	if (!ring3_make())
		return;
	ring3_witness = note;
	expect_fault(ring3_read, (u64)&ended, USER | PRESENT);
	expect_fault(ring3_read, (u64)phys_to_virt(0x1000), USER | PRESENT);
	expect_fault(ring3_write, (u64)&ended, USER | PRESENT | WRITE);
	expect_fault(ring3_jump, (u64)crowd_cpus, USER | PRESENT | FETCH);
	/* Its own: code isn't written, words aren't run. */
	expect_fault(ring3_write, USER_PAGE, USER | PRESENT | WRITE);
	expect_fault(ring3_jump, USER_PAGE + PAGE_SIZE, USER | PRESENT | FETCH);
	/* What would mean something in the kernel: an instruction that may fault, the end of a stack. */
	expect_fault(ring3_jump, listed, USER | PRESENT | FETCH);
	expect_fault(ring3_read, kstacks[STACK_TASK].guard + 8, USER);
	EXPECT_EQ(bust_count, busts);
	ring3_witness = NULL;
	ring3_drop();
}

KTEST(ring3, leaves_no_page)
{
	struct wx_result wx;

	if (!ring3_make())
		return;
	wx_check(&wx);
	EXPECT_EQ(wx.violations, 0);
	EXPECT(lookup_pte(USER_PAGE, NULL));
	EXPECT_EQ(ring3_run(ring3_ud, 0), X86_TRAP_UD);
	ring3_drop();
	EXPECT(!lookup_pte(USER_PAGE, NULL));
	wx_check(&wx);
	EXPECT_EQ(wx.violations, 0);
}

CODE(ring3_nop, "", "nop", "", "");

/* Two traps, one of them a #DB, in the handler of the user's. */
static void hit_probe(struct pt_regs *regs)
{
	struct machine m = machine_pattern;

	m.flags = 2;
	machine_run(&m, ring3_nop);
	note(regs);
}

static void handlers_probed(const u8 *program, u64 vector)
{
	struct kprobe p = { .addr = ring3_nop_at[0] };

	if (!probe_on(&p))
		return;
	EXPECT_EQ(ring3_run(program, 0), vector);
	probe_off(&p);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(ended.vector, vector);
	EXPECT(user_mode(&ended) && ended.ip - USER_PAGE < PAGE_SIZE);
}

/* The second #DB would start where the first did, if that had stayed on its stack. */
KTEST(ring3, handlers_of_its_traps_may_be_probed)
{
	if (!ring3_make())
		return;
	ring3_witness = hit_probe;
	handlers_probed(ring3_ud, X86_TRAP_UD);
	handlers_probed(ring3_int3, X86_TRAP_BP);
	handlers_probed(ring3_step, X86_TRAP_DB);
	ring3_witness = NULL;
	ring3_drop();
}

static void never(struct watchpoint *w, struct pt_regs *regs) {}

static void ends_by_debug(const u8 *program, const u8 *behind)
{
	EXPECT_EQ(ring3_run(program, 0), X86_TRAP_DB);
	EXPECT_EQ(ended.ip, USER_PAGE + (u64)(behind - ring3_programs));
	EXPECT_EQ(ended.cs, USER_CS);
}

/*
 * int1 needs no gate that is open to users, and says nothing in DR6: it is his all the same, whoever watches something else. For
 * QEMU's CPU it is no instruction; but "int $1" arrives in the same state, if the gate lets it.
 */
static void all_ways_to_debug(void)
{
	u64 vector = ring3_run(ring3_icebp, 0);

	EXPECT(vector == X86_TRAP_DB || vector == X86_TRAP_UD);
	EXPECT_EQ(ended.cs, USER_CS);
	ends_by_debug(ring3_int_1, ring3_int_1_behind);
	ends_by_debug(ring3_int_1_step, ring3_int_1_stepped);
}

KTEST(ring3, int1_is_the_users)
{
	struct watchpoint w = { .addr = (u64)&fault_addr, .len = 1, .type = WATCH_EXECUTE, .handler = never };

	if (!ring3_make())
		return;
	ring3_witness = note;
	ring3_open_gate(X86_TRAP_DB, true);
	all_ways_to_debug();
	EXPECT_EQ(watchpoint_arm(&w), 0);
	all_ways_to_debug();
	watchpoint_disarm(&w);
	ring3_open_gate(X86_TRAP_DB, false);
	ring3_witness = NULL;
	ring3_drop();
}

static unsigned calls;
static void count(void *arg) { __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED); }

/* CPU 0 disturbs the others, and none leaves. */
static int run_or_disturb(void *cpu)
{
	unsigned n = stressed_each(64);

	if (cpu) {
		int bad = ring3_run(ring3_spin, 0) != X86_TRAP_UD;

		preempt_disable();
		nmi_settle();
		preempt_enable();
		return bad;
	}
	for (u32 there = 1; there < NR_CPUS; there++)
		if (cpus_up & 1u << there)
			ring3_wait(there);
	for (unsigned i = 0; i < n; i++) {
		smp_call_others(count, NULL);
		for (u32 there = 1; there < NR_CPUS; there++)
			if (cpus_up & 1u << there)
				nmi_send(there);
	}
	EXPECT_EQ(calls, n * (crowd_cpus() - 1));
	for (u32 there = 1; there < NR_CPUS; there++) {
		if (!(cpus_up & 1u << there))
			continue;
		ring3_wait(there);
		ring3_leave(there);
	}
	return 0;
}

KTEST(ring3, all_cpus_at_once)
{
	calls = 0;
	if (!ring3_make())
		return;
	EXPECT_EQ(crowd_run(run_or_disturb), 0);
	ring3_drop();
}
