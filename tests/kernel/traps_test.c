/* What a handler finds: the interrupted registers, an NMI-like context, and CR2 and DR6 that nobody else will miss. */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/text_poke.h"
#include "kprobe/internal.h"
#include "lib/symtab.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

#define EFLAGS_DF (1ul << 10)

CODE(on_nop, "push %r8", "nop", "pop %r8", "");

static struct {
	struct pt_regs pre, post;
	u64 top_of_stack;
	u64 flags; /* the handler's own */
	u32 context;
	bool watching, irqs_on;
} seen;

static void see_pre(struct kprobe *p, struct pt_regs *regs)
{
	seen.pre = *regs;
	seen.top_of_stack = *(u64 *)regs->sp;
	__asm__ volatile("pushfq; popq %0" : "=r"(seen.flags));
	seen.context = context_read();
	seen.watching = rcu_is_watching();
	seen.irqs_on = irqs_enabled();
}
static void see_post(struct kprobe *p, struct pt_regs *regs) { seen.post = *regs; }

static struct machine machine_of(const struct pt_regs *r)
{
	return (struct machine){
		.ax = r->ax,
		.bx = r->bx,
		.cx = r->cx,
		.dx = r->dx,
		.si = r->si,
		.di = r->di,
		.bp = r->bp,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.flags = r->flags,
	};
}

KTEST(traps, handlers_see_the_registers)
{
	struct kprobe p = {
		.addr = on_nop_at[0], .pre = see_pre, .post = see_post, .technique = KPROBE_STEP
	};
	struct machine before = machine_pattern, after, in_pre, in_post;

	before.flags = 0xed7;
	after = before;
	if (!probe_on(&p))
		return;
	machine_run(&after, on_nop);
	probe_off(&p);
	in_pre = machine_of(&seen.pre);
	in_post = machine_of(&seen.post);
	machine_expect_same("in int3", 0, &in_pre, &before);
	machine_expect_same("in #DB", 0, &in_post, &before);
	EXPECT_EQ(seen.pre.vector, X86_TRAP_BP);
	EXPECT_EQ(seen.post.vector, X86_TRAP_DB);
	EXPECT_EQ(seen.pre.ip, on_nop_at[0]);
	EXPECT_EQ(seen.post.ip, on_nop_at[1]);
	EXPECT_EQ(seen.pre.cs, KERNEL_CS);
	/* Null since an interrupt from user mode (SDM vol. 3, 6.14.4). */
	EXPECT(seen.pre.ss == KERNEL_DS || !seen.pre.ss);
	EXPECT_EQ(seen.pre.error, 0);
	EXPECT_EQ(seen.pre.sp, seen.post.sp);
	EXPECT_EQ(seen.top_of_stack, before.r8);
	EXPECT(before.flags & EFLAGS_DF && !(seen.flags & EFLAGS_DF)); /* C counts strings upwards */
}

KTEST(traps, an_int3_is_nmi_like)
{
	struct kprobe p = { .addr = on_nop_at[0], .pre = see_pre };
	struct machine m = machine_pattern;
	u32 context = context_read();

	m.flags = 0x202;
	if (!probe_on(&p))
		return;
	machine_run(&m, on_nop);
	probe_off(&p);
	EXPECT_EQ(seen.context, context + NMI_ONE);
	EXPECT(seen.watching);
	EXPECT(!seen.irqs_on);
	EXPECT_EQ(context_read(), context);
}

static void fault_inside(struct kprobe *p, struct pt_regs *regs)
{
	u8 byte;

	kernel_read_nofault(&byte, (void *)0x6000, 1);
}

KTEST(traps, cr2_survives_an_int3_that_faults)
{
	struct kprobe p = { .addr = on_nop_at[0], .pre = fault_inside, .technique = KPROBE_STEP };
	struct machine m = machine_pattern;

	m.flags = 2;
	if (!probe_on(&p))
		return;
	write_cr2(0x1234567);
	machine_run(&m, on_nop);
	EXPECT_EQ(read_cr2(), 0x1234567);
	probe_off(&p);
	p.pre = NULL;
	p.post = fault_inside; /* the same in #DB */
	if (!probe_on(&p))
		return;
	machine_run(&m, on_nop);
	EXPECT_EQ(read_cr2(), 0x1234567);
	probe_off(&p);
}

KTEST(traps, dr6_is_clear_after_a_step)
{
	struct kprobe p = { .addr = on_nop_at[0], .technique = KPROBE_STEP };
	struct machine m = machine_pattern;

	m.flags = 2;
	if (!probe_on(&p))
		return;
	write_dr6(DR6_RESERVED | 1); /* the CPU sets bits and never clears them */
	machine_run(&m, on_nop);
	EXPECT_EQ(read_dr6(), DR6_RESERVED);
	probe_off(&p);
}

/* Hidden: no probe can be there, and no jump whose bytes look like an int3. */
static noinstr noinline void no_probe_here(void) { __asm__ volatile("nop\n\tnop\n\tnop"); }

static void retry(u64 ip)
{
	struct pt_regs regs = { .ip = ip + 1, .cs = KERNEL_CS, .vector = X86_TRAP_BP };
	struct cpu_accounts before = accounts_now();
	u64 flags = local_irq_save();

	do_int3(&regs);
	local_irq_restore(flags);
	EXPECT(!(regs.vector & REGS_PUSH));
	EXPECT_EQ(regs.ip, ip);
	EXPECT_ACCOUNTS(before);
}

/* The probe was taken away after the int3 trapped: what it covered is there again, and is run. */
KTEST(traps, an_int3_that_is_gone_is_retried)
{
	retry((u64)no_probe_here);
	retry((u64)no_probe_here + 1); /* the same place twice in a row would be something else */
}

/* ... and put there again, before anybody looked at the byte: as another CPU would, just when nobody's it seems to be. */
static struct kprobe come_back;
static void bring_back(struct kprobe *p, struct pt_regs *regs)
{
	come_back.site->original = 0x90;
	come_back.armed = come_back.site->armed = true;
}

KTEST(traps, an_int3_that_has_come_back_is_retried)
{
	struct kprobe between = { .pre = bring_back, .technique = KPROBE_STEP };
	struct machine m = machine_pattern;
	static const u8 int3 = INT3_BYTE;
	struct symbol sym;
	const char *why;

	if (!symtab_find_name(&kernel_symtab, "int3_is_gone", &sym, NULL))
		return; /* the compiler has put it into its caller */
	come_back = (struct kprobe){ .addr = on_nop_at[0], .technique = KPROBE_STEP };
	between.addr = sym.start;
	kprobe_unsafe = true;
	EXPECT_EQ(kprobe_register(&come_back, &why), 0);
	if (!probe_on(&between))
		return;
	m.flags = 2;
	text_poke((void *)on_nop_at[0], &int3, 1);
	machine_run(&m, on_nop);
	kprobe_unregister(&come_back);
	probe_off(&between);
	kprobe_unsafe = false;
	EXPECT_EQ(between.hits, 1);
	EXPECT_EQ(come_back.hits, 1);
	EXPECT_EQ(*(const u8 *)on_nop_at[0], 0x90);
}
