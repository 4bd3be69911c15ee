/* Executing an instruction elsewhere: which can be, what must be put right afterwards, and the bytes of the copy. */
#include "abi/errno.h"
#include "arch/x86/insn/insn.h"
#include "lib/string.h"

/* swapgs; wrgsbase; mov, pop and lgs to it; wrmsr, as the bytes don't say to which register. */
bool insn_changes_gs(const struct insn *insn)
{
	if (insn->vex)
		return false;
	switch (insn->map << 8 | insn->opcode) {
	case 0x08e:
		return modrm_reg(insn) == 5;
	case 0x101:
		return insn->modrm == 0xf8;
	case 0x1ae:
		return insn->rep && modrm_mod(insn) == 3 && modrm_reg(insn) == 3;
	case 0x130:
	case 0x1a9:
	case 0x1b5:
		return true;
	default:
		return false;
	}
}

const char *insn_cannot_displace(const struct insn *insn)
{
	switch (insn->class) {
	case INSN_FAR:
		return "Instruction can't be displaced: a far branch or iret";
	case INSN_INT:
		return "Instruction can't be displaced: a software interrupt";
	case INSN_SYSCALL:
		return "Instruction can't be displaced: a system call";
	case INSN_HLT:
		return "Instruction can't be displaced: hlt or mwait";
	case INSN_MOV_SS:
		return "Instruction can't be displaced: it holds off the trap that ends the step";
	case INSN_UNDEFINED:
		return "Instruction can't be displaced: it always faults";
	case INSN_PUSHF:
	case INSN_POPF:
		return insn->operand16 ? "Instruction can't be displaced: 16-bit flags" : NULL;
	default:
		return NULL;
	}
}

/*
 * pause does nothing, but QEMU's TCG leaves its loop for it and then forgets the trap that ends a step: the
 * CPU would run on past the copy.
 */
static bool is_pause(const struct insn *insn)
{
	return insn->map == 0 && !insn->vex && insn->opcode == 0x90 && insn->rep && !(insn->rex & 1);
}

bool insn_can_step(const struct insn *insn)
{
	switch (insn->class) {
	case INSN_CLI:
	case INSN_STI:
	case INSN_PUSHF:
	case INSN_POPF:
		return false;
	default:
		return !insn_cannot_displace(insn) && !is_pause(insn);
	}
}

bool insn_can_boost(const struct insn *insn) { return insn->class == INSN_PLAIN && insn_can_step(insn); }

u8 insn_fixes(const struct insn *insn)
{
	switch (insn->class) {
	case INSN_CALL_REL:
		return INSN_FIX_IP | INSN_FIX_RETURN;
	case INSN_CALL_IND:
		return INSN_FIX_RETURN;
	case INSN_JMP_IND:
	case INSN_RET: /* the target came from a register or from memory */
		return 0;
	default:
		return INSN_FIX_IP;
	}
}

/*
 * The operand stays where it is while the instruction moves, so the displacement takes up the way. With a 67 prefix
 * the sum is cut to 32 bits, so any way fits.
 */
int insn_copy(u8 *copy, const u8 *bytes, const struct insn *insn, u64 from, u64 to)
{
	s64 disp = (s64)((u64)insn->disp + (from - to));

	if (insn->rip_relative && !insn->address32 && disp != (s32)disp)
		return -ERANGE;
	memcpy(copy, bytes, insn->length);
	if (insn->rip_relative) {
		s32 moved = (s32)disp;

		memcpy(copy + insn->disp_offset, &moved, sizeof(moved));
	}
	return 0;
}
