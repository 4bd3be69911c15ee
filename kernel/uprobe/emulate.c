/* Users' instructions done by hand, where that takes no copy: each changes the registers last, when nothing can fail any more. */
#include "arch/x86/mm/user.h"
#include "kernel/uprobe/internal.h"
#include "kernel/usercopy.h"

static bool push(struct pt_regs *regs, u64 word)
{
	if (copy_to_user(regs->sp - sizeof(word), &word, sizeof(word)) != 0)
		return false;
	regs->sp -= sizeof(word);
	return true;
}

static bool jump(struct pt_regs *regs, u64 to)
{
	if (to >= USER_END)
		return false;
	regs->ip = to;
	return true;
}

static bool call(struct pt_regs *regs, u64 to, u64 next)
{
	return to < USER_END && push(regs, next) && jump(regs, to);
}

static bool pop_register(struct pt_regs *regs, u64 *into, u64 next)
{
	u64 word;

	if (copy_from_user(&word, regs->sp, sizeof(word)) != 0)
		return false;
	regs->sp += sizeof(word); /* first: what is popped may be rsp */
	*into = word;
	return jump(regs, next);
}

static bool ret(struct pt_regs *regs, const struct insn *insn)
{
	u64 to;

	if (copy_from_user(&to, regs->sp, sizeof(to)) != 0 || !jump(regs, to))
		return false;
	regs->sp += sizeof(to) + (insn->imm_size ? (u16)insn->imm : 0);
	return true;
}

/* It counts where it can also go. */
static bool loop(struct pt_regs *regs, const struct insn *insn, u64 to, u64 next)
{
	return to < USER_END && next < USER_END && jump(regs, loops(insn->opcode, regs) ? to : next);
}

/* cli and sti fault and popf can't change much: the copy does that. */
bool uprobe_emulate(struct pt_regs *regs, const struct displaced *d)
{
	const struct insn *insn = &d->insn;
	u64 next = d->va + insn->length, branch = next + (u64)insn->imm;
	u64 *by_modrm = reg(regs, modrm_rm(insn) | (insn->rex & 1) << 3);

	switch (d->emulation) {
	case EMULATE_NOP:
		return jump(regs, next);
	case EMULATE_PUSHF:
		return push(regs, regs->flags & ~X86_EFLAGS_RF) && jump(regs, next);
	case EMULATE_PUSH_REG:
		return push(regs, *reg(regs, opcode_reg(insn))) && jump(regs, next);
	case EMULATE_PUSH_IMM:
		return push(regs, (u64)insn->imm) && jump(regs, next);
	case EMULATE_POP_REG:
		return pop_register(regs, reg(regs, opcode_reg(insn)), next);
	case EMULATE_CALL:
		return call(regs, branch, next);
	case EMULATE_CALL_REG:
		return call(regs, *by_modrm, next);
	case EMULATE_JMP:
		return jump(regs, branch);
	case EMULATE_JMP_REG:
		return jump(regs, *by_modrm);
	case EMULATE_JCC:
		return jump(regs, condition(insn->opcode, regs->flags) ? branch : next);
	case EMULATE_LOOP:
		return loop(regs, insn, branch, next);
	case EMULATE_RET:
		return ret(regs, insn);
	default:
		return false;
	}
}
