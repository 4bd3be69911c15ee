/* Instructions that change IF or TF, or save them: a single-step would save its own, so they are done by hand; and pause. */
#include "kprobe/internal.h"

#include "lib/bug.h"

/* What popf may change in the kernel: CF PF AF ZF SF TF IF DF OF, IOPL, NT, AC, ID. */
#define POPF_MASK 0x247fd5ul

/*
 * pause does nothing, but QEMU's TCG leaves its loop for it and then forgets the trap that ends a step: the
 * CPU would run on past the copy.
 */
static __always_inline bool is_pause(const struct insn *insn)
{
	return insn->map == 0 && !insn->vex && insn->opcode == 0x90 && insn->rep && !(insn->rex & 1);
}

bool can_emulate(const struct insn *insn)
{
	switch (insn->class) {
	case INSN_PLAIN:
		return is_pause(insn);
	case INSN_CLI:
	case INSN_STI:
	case INSN_PUSHF:
	case INSN_POPF:
		return true;
	default:
		return false;
	}
}

__kprobes u64 emulate(const struct kprobe *p, struct pt_regs *regs)
{
	u64 ret = 0;

	switch (p->insn.class) {
	case INSN_PLAIN: /* pause */
		break;
	case INSN_CLI:
		regs->flags &= ~X86_EFLAGS_IF;
		break;
	case INSN_STI:
		regs->flags |= X86_EFLAGS_IF;
		break;
	case INSN_PUSHF:
		regs->error = regs->flags & ~X86_EFLAGS_RF;
		ret = PUSH_ON_RETURN;
		break;
	case INSN_POPF:
		regs->flags = (regs->flags & ~POPF_MASK) | (*(u64 *)regs->sp & POPF_MASK);
		regs->sp += 8;
		break;
	default:
		panic("BUG: no emulation for instructions of class %d", p->insn.class);
	}
	regs->ip = p->addr + p->insn.length;
	return ret;
}
