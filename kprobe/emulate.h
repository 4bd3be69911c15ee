/* What emulation of an instruction needs, in the kernel and for users: which way there is, its registers and conditions. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/insn/insn.h"
#include "lib/compiler.h"

enum emulation {
	EMULATE_NOTHING, /* it can't be emulated */
	EMULATE_NOP,
	EMULATE_CLI,
	EMULATE_STI,
	EMULATE_PUSHF,
	EMULATE_POPF,
	EMULATE_PUSH_REG,
	EMULATE_PUSH_IMM,
	EMULATE_POP_REG,
	EMULATE_CALL,
	EMULATE_CALL_REG,
	EMULATE_JMP,
	EMULATE_JMP_REG,
	EMULATE_JCC,
	EMULATE_LOOP,
	EMULATE_RET,
};

/* Where pt_regs keeps the register of that number (SDM vol. 2, table 2-2 order). */
static __always_inline u64 *reg(struct pt_regs *regs, unsigned n)
{
	static const u8 places[16] = {
		offsetof(struct pt_regs, ax),  offsetof(struct pt_regs, cx),  offsetof(struct pt_regs, dx),
		offsetof(struct pt_regs, bx),  offsetof(struct pt_regs, sp),  offsetof(struct pt_regs, bp),
		offsetof(struct pt_regs, si),  offsetof(struct pt_regs, di),  offsetof(struct pt_regs, r8),
		offsetof(struct pt_regs, r9),  offsetof(struct pt_regs, r10), offsetof(struct pt_regs, r11),
		offsetof(struct pt_regs, r12), offsetof(struct pt_regs, r13), offsetof(struct pt_regs, r14),
		offsetof(struct pt_regs, r15),
	};

	return (u64 *)((u8 *)regs + places[n]);
}

/* The register in an opcode's low bits, as in push, pop. */
static __always_inline unsigned opcode_reg(const struct insn *insn)
{
	return (insn->opcode & 7) | (insn->rex & 1) << 3;
}

/* An opcode's condition: which flags, and bit 0 inverts (SDM vol. 1, appendix B). */
static __always_inline bool condition(u8 opcode, u64 f)
{
	u64 cf = f & 1, pf = f >> 2 & 1, zf = f >> 6 & 1, sf = f >> 7 & 1, of = f >> 11 & 1, holds = 0;

	switch (opcode >> 1 & 7) {
	case 0:
		holds = of;
		break;
	case 1:
		holds = cf;
		break;
	case 2:
		holds = zf;
		break;
	case 3:
		holds = cf | zf;
		break;
	case 4:
		holds = sf;
		break;
	case 5:
		holds = pf;
		break;
	case 6:
		holds = sf ^ of;
		break;
	default:
		holds = zf | (sf ^ of);
	}
	return holds ^ (opcode & 1);
}

/* e0 loopne, e1 loope, e2 loop, e3 jrcxz */
static __always_inline bool loops(u8 opcode, struct pt_regs *regs)
{
	if (opcode == 0xe3)
		return !regs->cx;
	if (--regs->cx == 0)
		return false;
	return opcode == 0xe2 || (regs->flags >> 6 & 1) == (opcode & 1);
}

/* emulate.c. Any context. EMULATE_NOTHING: it can't be. */
enum emulation emulate_choose(const struct insn *insn);
