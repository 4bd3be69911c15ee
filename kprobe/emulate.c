/* Instructions done by hand: those that change IF or TF, or save them, which a step would see; and what is cheaper so. */
#include "kprobe/emulate.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "lib/compiler.h"

/* What popf may change in the kernel: CF PF AF ZF SF TF IF DF OF, IOPL, NT, AC, ID. */
#define POPF_MASK 0x247fd5ul

static __always_inline u64 push(struct pt_regs *regs, u64 word)
{
	regs->error = word;
	return REGS_PUSH;
}

static __always_inline u64 pop(struct pt_regs *regs)
{
	u64 word = *(u64 *)regs->sp;

	regs->sp += 8;
	return word;
}

static __always_inline u64 modrm_target(const struct insn *insn, struct pt_regs *regs)
{
	return *reg(regs, modrm_rm(insn) | (insn->rex & 1) << 3);
}

/* Sets @regs->ip to where it goes on. REGS_PUSH or 0. */
static __always_inline u64 emulate_insn(struct kprobe_site *s, struct pt_regs *regs)
{
	const struct insn *insn = &s->insn;
	u64 next = s->addr + s->length, word;

	regs->ip = next;
	switch (s->emulation) {
	case EMULATE_NOP:
		return 0;
	case EMULATE_PUSH_REG:
		return push(regs, *reg(regs, opcode_reg(insn)));
	case EMULATE_PUSH_IMM:
		return push(regs, (u64)insn->imm);
	case EMULATE_POP_REG:
		word = pop(regs); /* first: what is popped may be rsp */
		*reg(regs, opcode_reg(insn)) = word;
		return 0;
	case EMULATE_CALL:
		regs->ip += (u64)insn->imm;
		return push(regs, next);
	case EMULATE_CALL_REG:
		regs->ip = modrm_target(insn, regs);
		if (unlikely(!canonical(regs->ip)))
			break;
		return push(regs, next);
	case EMULATE_JMP:
		regs->ip += (u64)insn->imm;
		return 0;
	case EMULATE_JMP_REG:
		regs->ip = modrm_target(insn, regs);
		if (unlikely(!canonical(regs->ip)))
			break;
		return 0;
	case EMULATE_JCC:
		if (condition(insn->opcode, regs->flags))
			regs->ip += (u64)insn->imm;
		return 0;
	case EMULATE_LOOP:
		if (loops(insn->opcode, regs))
			regs->ip += (u64)insn->imm;
		return 0;
	case EMULATE_RET:
		if (unlikely(!canonical(*(u64 *)regs->sp)))
			break;
		regs->ip = pop(regs);
		regs->sp += insn->imm_size ? (u16)insn->imm : 0;
		return 0;
	case EMULATE_CLI:
		regs->flags &= ~X86_EFLAGS_IF;
		return 0;
	case EMULATE_STI:
		regs->flags |= X86_EFLAGS_IF;
		return 0;
	case EMULATE_PUSHF:
		return push(regs, regs->flags & ~X86_EFLAGS_RF);
	case EMULATE_POPF:
		regs->flags = (regs->flags & ~POPF_MASK) | (pop(regs) & POPF_MASK);
		return 0;
	default:
		BUG_ON(true);
	}
	leave_it_to_copy(s, regs);
	return 0;
}

/* In .entry.text: no setting lets a probe in, so a recovery finds it all done, or nothing. */
__emergency void emulate(struct kprobe_site *s, struct pt_regs *regs)
{
	regs->vector |= VECTOR_DONE | emulate_insn(s, regs);
}

/* xchg rax, rax with whatever prefixes, pause among them; 0f 1f; endbr64. */
static bool is_nop(const struct insn *insn)
{
	if (insn->vex)
		return false;
	if (insn->map == 0)
		return insn->opcode == 0x90 && !(insn->rex & 1);
	return insn->map == 1 && (insn->opcode == 0x1f || (insn->opcode == 0x1e && insn->modrm == 0xfa));
}

static enum emulation choose_plain(const struct insn *insn)
{
	if (is_nop(insn))
		return EMULATE_NOP;
	if (insn->vex || insn->map || insn->operand16)
		return EMULATE_NOTHING;
	switch (insn->opcode) {
	case 0x50 ... 0x57:
		return EMULATE_PUSH_REG;
	case 0x58 ... 0x5f:
		return EMULATE_POP_REG;
	case 0x68:
	case 0x6a:
		return EMULATE_PUSH_IMM;
	default:
		return EMULATE_NOTHING;
	}
}

/* With 66 a branch is another instruction on some processors; with 67 loop and jrcxz count in ecx. */
static enum emulation choose_branch(const struct insn *insn)
{
	if (insn->operand16)
		return EMULATE_NOTHING;
	switch (insn->class) {
	case INSN_CALL_REL:
		return EMULATE_CALL;
	case INSN_JMP_REL:
		return EMULATE_JMP;
	case INSN_JCC:
		return EMULATE_JCC;
	case INSN_LOOP:
		return insn->address32 ? EMULATE_NOTHING : EMULATE_LOOP;
	case INSN_RET:
		return EMULATE_RET;
	case INSN_CALL_IND:
		return modrm_mod(insn) == 3 ? EMULATE_CALL_REG : EMULATE_NOTHING;
	case INSN_JMP_IND:
		return modrm_mod(insn) == 3 ? EMULATE_JMP_REG : EMULATE_NOTHING;
	default:
		return EMULATE_NOTHING;
	}
}

enum emulation emulate_choose(const struct insn *insn)
{
	switch (insn->class) {
	case INSN_PLAIN:
		return choose_plain(insn);
	case INSN_CLI:
		return EMULATE_CLI;
	case INSN_STI:
		return EMULATE_STI;
	case INSN_PUSHF:
		return EMULATE_PUSHF;
	case INSN_POPF:
		return EMULATE_POPF;
	default:
		return choose_branch(insn);
	}
}
