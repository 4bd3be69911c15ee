/* A step in the middle of another's beginning, as an NMI's may be: at each instruction of it. A watchpoint there brings it. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "kprobe/internal.h"
#include "kprobe/watchpoint.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

CODE(outer_adds, "", "addq %r9, %r8", "", "");
CODE(inner_pushes, "pushq %rax", "popq %rcx", "", "");

static bool wanted;
static u64 met;

static void run_inner(struct watchpoint *w, struct pt_regs *regs)
{
	if (!wanted)
		return;
	wanted = false;
	met++;
	__asm__ volatile("call inner_pushes" : : : "rcx", "memory");
}

static void count(struct kprobe *p, struct pt_regs *regs) {}

/* Not registered: who asks for it is told that nothing there is watched. */
static void meet(u64 ip)
{
	struct watchpoint w = { .addr = ip, .len = 1, .type = WATCH_EXECUTE, .handler = run_inner };
	struct machine m = machine_pattern;
	u64 before = met;

	if (watchpoint_arm(&w) != 0)
		return;
	m.flags = 0x202;
	wanted = true;
	machine_run(&m, outer_adds);
	wanted = false;
	EXPECT(irqs_enabled());
	EXPECT_EQ(steps_now(), 0);
	local_irq_enable();
	watchpoint_disarm(&w);
	EXPECT_EQ(m.r8, machine_pattern.r8 + machine_pattern.r9);
	EXPECT(m.flags & X86_EFLAGS_IF);
	EXPECT(met <= before + 1);
}

KTEST(kprobe_step, a_step_in_the_middle_of_anothers_beginning)
{
	struct kprobe p = { .addr = outer_adds_at[0], .pre = count, .technique = KPROBE_INT3 };
	struct kprobe q = { .addr = inner_pushes_at[0], .pre = count, .technique = KPROBE_INT3 };
	struct symbol f;
	struct insn insn;

	met = 0;
	EXPECT_EQ(thread_set_affinity(1), 0);
	EXPECT(symtab_find_name(&kernel_symtab, "step_begin", &f, NULL));
	if (probe_on(&p) && probe_on(&q)) {
		for (u64 ip = f.start; ip < f.start + f.size; ip += insn.length) {
			if (insn_decode(&insn, (const u8 *)ip, f.start + f.size - ip) != 0)
				break;
			meet(ip);
		}
		probe_off(&q);
		probe_off(&p);
	}
	EXPECT(met > 20);
	thread_set_affinity(CPU_MASK_ALL);
}

static bool taken_for_its_end;
static u64 ip_after;

/* Until this returns the step isn't over. */
static void trap_elsewhere(struct kprobe *p, struct pt_regs *regs)
{
	struct pt_regs other = { .ip = outer_adds_at[1], .cs = KERNEL_CS, .vector = X86_TRAP_DB };
	u32 depth = this_cpu(step_depth);

	taken_for_its_end = kprobe_debug(&other, DR6_BS);
	this_cpu(step_depth) = depth;
	ip_after = other.ip;
}

KTEST(kprobe_step, a_debug_exception_elsewhere_is_not_its_end)
{
	struct kprobe p = { .addr = outer_adds_at[0], .post = trap_elsewhere, .technique = KPROBE_STEP };
	struct machine m = machine_pattern;

	taken_for_its_end = true;
	m.flags = 0x202;
	if (!probe_on(&p))
		return;
	machine_run(&m, outer_adds);
	probe_off(&p);
	EXPECT(!taken_for_its_end);
	EXPECT_EQ(ip_after, outer_adds_at[1]);
	EXPECT_EQ(m.r8, machine_pattern.r8 + machine_pattern.r9);
}
