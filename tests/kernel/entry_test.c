/* Entering and leaving the vectors: what is interrupted notices nothing, and the black box notices all. */
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/stacks.h"
#include "kernel/traps.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "trace/black_box.h"

#define IRQ 5 /* a line on which nothing hangs here */

/* A fault is listed by its own address, a trap by the next one; both go on at the next one. */
#define FAULT EX_TABLE(1b, 2b)
#define TRAP  EX_TABLE(2b, 2b)

CODE(on_int3, "", "int3", "", TRAP);
CODE(on_int3_odd_stack, "push %r8", "int3", "pop %r8", TRAP);
CODE(on_ud2, "", "ud2", "", FAULT);
CODE(on_ud2_odd_stack, "push %r8", "ud2", "pop %r8", FAULT);
CODE(on_page_fault, "", "movq 0x5000, %r8", "", FAULT);
CODE(on_general_protection, "", "movq (%r8), %r9", "", FAULT); /* the pattern in r8 is non-canonical */
CODE(on_int4, "", "int $4", "", TRAP);
CODE(on_int16, "", "int $16", "", TRAP);
CODE(on_int18, "", "int $18", "", TRAP);
CODE(on_int2, "", "int $2", "", "");
CODE(on_irq5, "", "int $0x25", "", "");
CODE(on_spurious_irq7, "", "int $0x27", "", "");
CODE(on_spurious_irq15, "", "int $0x2f", "", "");
CODE(on_int255, "", "int $0xff", "", "");

/* clang-format off */
#define WAY(name, vector, is_fault, stack) { #name, name, name##_at, vector, is_fault, stack }
/* clang-format on */
static const struct way {
	const char *name;
	const u8 *code;
	const u64 *at;
	unsigned vector;
	bool is_fault;
	enum stack_id stack;
} ways[] = {
	WAY(on_int3, 3, false, STACK_TASK),
	WAY(on_int3_odd_stack, 3, false, STACK_TASK),
	WAY(on_ud2, 6, true, STACK_TASK),
	WAY(on_ud2_odd_stack, 6, true, STACK_TASK),
	WAY(on_page_fault, 14, true, STACK_TASK),
	WAY(on_general_protection, 13, true, STACK_TASK),
	WAY(on_int4, 4, false, STACK_TASK),
	WAY(on_int16, 16, false, STACK_TASK),
	WAY(on_int18, 18, false, STACK_MC),
	WAY(on_int2, 2, false, STACK_NMI),
	WAY(on_irq5, IRQ_BASE_VECTOR + 5, false, STACK_TASK),
	WAY(on_spurious_irq7, IRQ_BASE_VECTOR + 7, false, STACK_TASK),
	WAY(on_spurious_irq15, IRQ_BASE_VECTOR + 15, false, STACK_TASK),
	WAY(on_int255, 255, false, STACK_TASK),
};

/* Bit 1 is always set. Interrupts on or off, string direction, and each arithmetic flag both ways. */
static const u64 flag_patterns[] = { 0x202, 0x002, 0xed7, 0xcd7, 0x602, 0x293, 0x846 };

KTEST(entry, registers_flags_and_stack_survive)
{
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		for (size_t f = 0; f < ARRAY_SIZE(flag_patterns); f++) {
			struct machine before = machine_pattern, after;

			if (ways[w].vector == 255 && f)
				break; /* each is a line in the kernel log */
			before.flags = flag_patterns[f];
			after = before;
			if (ways[w].vector == 2)
				nmi_expect(this_cpu(cpu_number));
			machine_run(&after, ways[w].code);
			machine_expect_same(ways[w].name, (int)f, &after, &before);
		}
	}
}

KTEST(entry, black_box_and_accounts)
{
	u64 flags = local_irq_save();

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct way *w = &ways[i];
		struct cpu_accounts before = accounts_now();
		struct machine m = machine_pattern;
		u32 mark = black_box_mark();
		struct bb_record in, out;

		m.flags = 2;
		if (w->vector == 2)
			nmi_expect(this_cpu(cpu_number));
		machine_run(&m, w->code);
		EXPECT_EQ(black_box_mark(), mark + 2);
		EXPECT_ACCOUNTS(before);
		in = box_record(mark);
		out = box_record(mark + 1);
		EXPECT_EQ(in.vector, w->vector);
		EXPECT_EQ(in.direction, BB_ENTRY);
		EXPECT_EQ(in.ip, w->at[!w->is_fault]);
		EXPECT_EQ(in.depth, before.bb_depth + 1);
		EXPECT_EQ(stack_of(in.sp), own_stack(w->stack));
		EXPECT_EQ(out.vector, w->vector);
		EXPECT_EQ(out.direction, BB_EXIT);
		EXPECT_EQ(out.ip, w->at[1]);
		EXPECT_EQ(out.depth, in.depth);
		EXPECT_EQ(out.sp, in.sp);
		EXPECT(out.tsc >= in.tsc);
	}
	local_irq_restore(flags);
}

static struct {
	unsigned calls;
	u32 context;
	bool watching, irqs_on;
} irq_seen;

static void on_irq(void)
{
	irq_seen.calls++;
	irq_seen.context = context_read();
	irq_seen.watching = rcu_is_watching();
	irq_seen.irqs_on = irqs_enabled();
}

KTEST(entry, an_irq_reaches_its_handler_in_hardirq_context)
{
	u32 context = context_read();

	irq_seen.calls = 0;
	irq_set_handler(IRQ, on_irq);
	pic_mask(IRQ);
	__asm__ volatile("int $0x25");
	EXPECT_EQ(irq_seen.calls, 1);
	EXPECT_EQ(irq_seen.context, context + HARDIRQ_ONE);
	EXPECT(irq_seen.watching);
	EXPECT(!irq_seen.irqs_on);
	EXPECT_EQ(context_read(), context);
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
}

KTEST(entry, an_nmi_is_counted)
{
	u64 before = nmi_count;

	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	EXPECT_EQ(nmi_count, before + 1);
}

/* One `int n` for each of the sixteen lines of the PICs. */
extern const u8 on_every_line[16][4];
__asm__(".pushsection .text\n.type on_every_line, @function\non_every_line:\n"
	".set vector, 32\n.rept 16\n\tint $vector\n\tret\n\tnop\n.set vector, vector + 1\n.endr\n"
	".size on_every_line, . - on_every_line\n.popsection");

KTEST(entry, every_line_has_its_vector)
{
	u64 flags = local_irq_save();

	for (unsigned v = IRQ_BASE_VECTOR; v < IRQ_BASE_VECTOR + 16; v++) {
		struct machine before = machine_pattern, after;
		u32 mark = black_box_mark();

		before.flags = 2;
		after = before;
		machine_run(&after, on_every_line[v - IRQ_BASE_VECTOR]);
		machine_expect_same("vector", (int)v, &after, &before);
		EXPECT_EQ(box_record(mark).vector, v);
		EXPECT_EQ(box_record(mark + 1).vector, v);
	}
	local_irq_restore(flags);
}
