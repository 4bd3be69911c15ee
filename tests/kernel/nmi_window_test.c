/*
 * The few instructions at the end of an NMI at which the flag doesn't say that one is being handled, or at which
 * its frame is half copied (arch/x86/entry/entry.asm). A storm hardly ever meets them, so the test builds the stack as
 * it is at each of them, and enters as an NMI that came just there.
 */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/insn/insn.h"
#include "kernel/nmi.h"
#include "lib/ktest.h"
#include "lib/string.h"

/* entry.asm's picture of the stack, in words below its upper end. */
#define H	    5
#define S	    14
#define F	    19
#define FRAME_WORDS 5

/* The instructions, in order: iretq; setting the flag; push; a load and a store for each word; pop; and the jump. */
enum { AT_RETURN, AT_FLAG, AT_PUSH, AT_COPY, AT_POP = AT_COPY + 2 * FRAME_WORDS, AT_JUMP, NR_PLACES };

extern const u8 asm_exc_nmi[];
extern const u8 nmi_window_back[];
/* Named in assembly. */
extern u64 nmi_window_sp, nmi_window_came[3];
u64 nmi_window_sp, nmi_window_came[3];	    /* ax, sp, flags */
static u64 other_stack[1024] __aligned(16); /* of the code that was interrupted: with room for traps */

/*
 * Enters with rsp @sp and rax @ax, and returns when the outer NMI has returned to nmi_window_back. By iretq, which changes
 * to @sp and jumps at once, and which no probe can be on: a trap in between would be pushed over what build() put there.
 */
void nmi_window_enter(u64 sp, u64 ax);
__asm__(".pushsection .text\n.type nmi_window_enter, @function\nnmi_window_enter:\n\t"
	"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\tpushfq\n\t"
	"mov %rsp, nmi_window_sp\n\tmov %rsi, %rax\n\t"
	"mov %ss, %ecx\n\tpush %rcx\n\tpush %rdi\n\tpush $2\n\tmov %cs, %ecx\n\tpush %rcx\n\tpush $asm_exc_nmi\n\tiretq\n"
	".globl nmi_window_back\nnmi_window_back:\n\t"
	"mov %rax, nmi_window_came\n\tmov %rsp, nmi_window_came+8\n\tpushfq\n\tpop nmi_window_came+16\n\t"
	"mov nmi_window_sp, %rsp\n\tpopfq\n\t"
	"pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\tret\n"
	".size nmi_window_enter, . - nmi_window_enter\n.popsection");

#define AX    0x1212343456567878ul
#define FLAGS (1u << 0 | 1u << 1 | 1u << 6) /* carry, zero, and the bit that is always set */

/* The places' addresses: from the stub's first iretq on. */
static bool find_places(u64 places[NR_PLACES])
{
	struct insn insn;
	u64 at = (u64)asm_exc_nmi;

	for (;;) {
		if (insn_decode(&insn, (const u8 *)at, INSN_MAX_LENGTH) != 0)
			return false;
		if (insn.map == 0 && insn.opcode == 0xcf)
			break;
		at += insn.length;
	}
	for (int i = 0; i < NR_PLACES; i++) {
		places[i] = at;
		if (insn_decode(&insn, (const u8 *)at, INSN_MAX_LENGTH) != 0)
			return false;
		at += insn.length;
	}
	return insn.opcode == 0xe9 || insn.opcode == 0xeb;
}

/* What the stack holds when @place is the next instruction; @redirected: by an NMI before this one. Returns ax. */
static u64 build(const u64 places[NR_PLACES], int place, bool redirected)
{
	u64 *top = (u64 *)this_cpu(nmi_top), ax = AX, sp = (u64)(top - F);
	const u64 kept[FRAME_WORDS] = { (u64)nmi_window_back, KERNEL_CS, FLAGS,
					(u64)&other_stack[ARRAY_SIZE(other_stack)], KERNEL_DS };
	const u64 repeat[FRAME_WORDS] = { places[AT_FLAG], KERNEL_CS, 2, (u64)(top - F), KERNEL_DS };
	int copied = redirected ? 0 : FRAME_WORDS;

	if (place > AT_PUSH && place < AT_JUMP) {
		sp -= 8;
		*(u64 *)sp = AX;
		ax = kept[FRAME_WORDS - 1];
		copied = (place - AT_COPY) / 2;
		if (place < AT_POP && (place - AT_COPY) % 2)
			ax = kept[copied];
	}
	if (place == AT_JUMP)
		copied = FRAME_WORDS;
	for (int i = 0; i < FRAME_WORDS; i++) {
		top[i - S] = kept[i];
		top[i - F] = i < copied ? kept[i] : repeat[i];
	}
	top[0 - H] = places[place];
	top[1 - H] = KERNEL_CS;
	top[2 - H] = 2;
	top[3 - H] = sp;
	top[4 - H] = KERNEL_DS;
	this_cpu(nmi_top)->nmi_running = place > AT_FLAG;
	return ax;
}

static void nmi_at(const u64 places[NR_PLACES], int place, bool redirected)
{
	u64 flags = local_irq_save(), nmis = nmi_count, ax;
	u64 runs =
		place == AT_JUMP ? 2 : 1; /* there the frame is whole again, and the handler about to begin */
	struct ist_top *top = this_cpu(nmi_top);
	u32 nested = top->nmi_nested;

	for (u64 i = 0; i < runs; i++)
		nmi_expect(this_cpu(cpu_number));
	ax = build(places, place, redirected);
	nmi_window_enter((u64)top - H * 8, ax);
	if (nmi_count - nmis != runs)
		ktest_fail(__FILE__, __LINE__, redirected ? "redirected, place" : "place", (u64)place,
			   nmi_count - nmis);
	EXPECT_EQ(top->nmi_nested, nested + 1);
	EXPECT_EQ(top->nmi_running, 0);
	EXPECT_EQ(nmi_window_came[0], AX);
	EXPECT_EQ(nmi_window_came[1], (u64)&other_stack[ARRAY_SIZE(other_stack)]);
	EXPECT_EQ(nmi_window_came[2], FLAGS);
	local_irq_restore(flags);
}

KTEST(nmi, comes_at_each_instruction_of_anothers_end)
{
	u64 places[NR_PLACES];

	EXPECT(find_places(places));
	nmi_at(places, AT_RETURN, false);
	for (int place = AT_RETURN; place < NR_PLACES; place++)
		nmi_at(places, place, true);
}
