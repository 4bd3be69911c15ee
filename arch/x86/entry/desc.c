/* Where the CPU looks when something happens: GDT, TSS with its IST stacks, and the 256 gates of the IDT. */
#include "arch/x86/entry/desc.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"

struct gate { /* SDM vol. 3, figure 6-8 */
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
static_assert(sizeof(struct gate) == 16, "an IDT entry in 64-bit mode");

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

#define GATE_INTERRUPT 0x8e /* present, DPL 0, interrupt gate: IF is cleared on entry */
#define GATE_USER      0x60 /* DPL 3: a user's instruction may go through it */

DEFINE_PER_CPU(u32, cpu_number);
DEFINE_PER_CPU(u64, this_cpu_offset);
DEFINE_PER_CPU(struct ist_top *, nmi_top);
DEFINE_PER_CPU(u64, debug_stack);
DEFINE_PER_CPU(u64, debug_stack_in_nmi);
DEFINE_PER_CPU(struct tss, tss);
/* Accessed bits set already; ltr still marks the TSS busy, so this is data. The TSS descriptor takes two slots and is filled in. */
static DEFINE_PER_CPU(u64, gdt[7]) = {
	[KERNEL_CS / 8] = 0x00209b0000000000,
	[KERNEL_DS / 8] = 0x0000930000000000,
	[USER_DS / 8] = 0x0000f30000000000,
	[USER_CS / 8] = 0x0020fb0000000000,
};
static struct gate idt[NR_VECTORS] __aligned(16);

extern const u8 vector_stubs[NR_VECTORS][16];
extern const u8 asm_exc_int3[], asm_exc_debug[], asm_exc_nmi[], asm_exc_double_fault[];
extern const u8 asm_exc_machine_check[], asm_exc_twin[];

/* Returns where the stack starts, below its top. */
static u64 mark_stack(u64 upper_end)
{
	struct ist_top *top = (struct ist_top *)upper_end - 1;

	*top = (struct ist_top){ .gs_base = this_cpu(this_cpu_offset) };
	return (u64)top;
}

static void tss_init(const u64 stacks[NR_STACKS])
{
	struct tss *t = this_cpu_ptr(tss);
	u64 base = (u64)t, limit = sizeof(*t) - 1, *descriptor = &(*this_cpu_ptr(gdt))[TSS_SEL / 8];

	t->ist[IST_DB - 1] = mark_stack(stacks[STACK_DB]);
	t->ist[IST_NMI - 1] = mark_stack(stacks[STACK_NMI]);
	t->ist[IST_DF - 1] = mark_stack(stacks[STACK_DF]);
	t->ist[IST_MC - 1] = mark_stack(stacks[STACK_MC]);
	t->io_map_base = sizeof(*t); /* beyond the limit: no port is open to user mode */
	this_cpu(nmi_top) = (struct ist_top *)t->ist[IST_NMI - 1];
	this_cpu(debug_stack) = t->ist[IST_DB - 1];
	this_cpu(debug_stack_in_nmi) = mark_stack(stacks[STACK_DB2]);

	/* An available 64-bit TSS (type 9), present. */
	descriptor[0] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	descriptor[1] = base >> 32;
}

void segments_init(const u64 stacks[NR_STACKS])
{
	struct table_pointer p = { sizeof(gdt) - 1, (u64)this_cpu_ptr(gdt) };

	tss_init(stacks);
	__asm__ volatile("lgdt %0\n\t"
			 "push %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\tmov %2, %%ss\n\t"
			 "ltr %w3"
			 :
			 : "m"(p), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(TSS_SEL)
			 : "rax", "memory");
}

static void set_gate(unsigned vector, const void *stub, enum ist_index ist)
{
	u64 addr = (u64)stub;

	idt[vector] = (struct gate){
		.offset_low = (u16)addr,
		.selector = KERNEL_CS,
		.ist = (u8)ist,
		.type = GATE_INTERRUPT,
		.offset_mid = (u16)(addr >> 16),
		.offset_high = (u32)(addr >> 32),
	};
}

void idt_load(void)
{
	struct table_pointer p = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" : : "m"(p));
}

void idt_init(void)
{
	for (unsigned v = 0; v < NR_VECTORS; v++)
		set_gate(v, vector_stubs[v], IST_NONE);
	set_gate(X86_TRAP_DB, asm_exc_debug, IST_DB);
	set_gate(X86_TRAP_NMI, asm_exc_nmi, IST_NMI);
#ifdef MUTANT_bp_ist
	set_gate(X86_TRAP_BP, asm_exc_int3, IST_MC);
#else
	set_gate(X86_TRAP_BP, asm_exc_int3, IST_NONE);
#endif
	idt[X86_TRAP_BP].type |= GATE_USER; /* debuggers set breakpoints in users' code */
	set_gate(X86_TRAP_DF, asm_exc_double_fault, IST_DF);
	set_gate(X86_TRAP_MC, asm_exc_machine_check, IST_MC);
	set_gate(VECTOR_TWIN, asm_exc_twin, IST_NONE);
	idt_load();
}

/* Hidden: called by the NMI handler before anything is accounted for. */
noinstr u64 ist_debug_swap(u64 stack_top)
{
	u64 old = this_cpu(tss).ist[IST_DB - 1];

	this_cpu(tss).ist[IST_DB - 1] = stack_top;
	return old;
}

static const char *const exception_names[NR_EXCEPTIONS] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,  "#TS",
	"#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

const char *vector_name(unsigned vector, char buf[8])
{
	const char *prefix = "vec";
	unsigned n = vector, i = 3;

	if (vector == VECTOR_SYSCALL)
		return "syscall";
	if (vector < NR_EXCEPTIONS && exception_names[vector])
		return exception_names[vector];
	if (vector >= IRQ_BASE_VECTOR && vector < IRQ_BASE_VECTOR + 16) {
		prefix = "irq";
		n = vector - IRQ_BASE_VECTOR;
	}
	for (unsigned k = 0; k < 3; k++)
		buf[k] = prefix[k];
	if (n >= 100)
		buf[i++] = (char)('0' + n / 100);
	if (n >= 10)
		buf[i++] = (char)('0' + n / 10 % 10);
	buf[i++] = (char)('0' + n % 10);
	buf[i] = 0;
	return buf;
}
