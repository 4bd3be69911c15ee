/* What kind of control flow a decoded instruction is: a few opcodes matter, all others are plain. */
#include "arch/x86/insn/internal.h"
#include "lib/compiler.h"

static enum insn_class classify_ff(u8 reg)
{
	switch (reg) {
	case 2:
		return INSN_CALL_IND;
	case 4:
		return INSN_JMP_IND;
	case 3:
	case 5:
		return INSN_FAR;
	default:
		return INSN_PLAIN;
	}
}

static enum insn_class classify_one_byte(const struct insn *insn)
{
	switch (insn->opcode) {
	case 0x70 ... 0x7f:
		return INSN_JCC;
	case 0x8e:
		return modrm_reg(insn) == 2 ? INSN_MOV_SS : INSN_PLAIN;
	case 0x9c:
		return INSN_PUSHF;
	case 0x9d:
		return INSN_POPF;
	case 0xc2:
	case 0xc3:
		return INSN_RET;
	case 0xc7: /* xbegin: an abort resumes relative to its own place, so a copy would stray */
		return insn->modrm == 0xf8 ? INSN_FAR : INSN_PLAIN;
	case 0xca:
	case 0xcb:
	case 0xcf:
		return INSN_FAR;
	case 0xcc:
	case 0xcd:
	case 0xf1:
		return INSN_INT;
	case 0xe0 ... 0xe3:
		return INSN_LOOP;
	case 0xe8:
		return INSN_CALL_REL;
	case 0xe9:
	case 0xeb:
		return INSN_JMP_REL;
	case 0xf4:
		return INSN_HLT;
	case 0xfa:
		return INSN_CLI;
	case 0xfb:
		return INSN_STI;
	case 0xff:
		return classify_ff(modrm_reg(insn));
	default:
		return INSN_PLAIN;
	}
}

/* 0f 01 with two register operands: the crowded corner where each modrm byte is another instruction. */
static enum insn_class classify_system(const struct insn *insn)
{
	switch (insn->modrm) {
	case 0xc0 ... 0xc3: /* enclv, vmcall, vmlaunch, vmresume */
	case 0xcc ... 0xcf: /* encls; with 66 tdcall, seamret, seamops, seamcall */
	case 0xd7:	    /* enclu */
	case 0xd8:	    /* vmrun */
	case 0xd9:	    /* vmmcall, vmgexit */
		return INSN_SYSCALL;
	case 0xc9: /* mwait, and AMD's: they wait as hlt does */
	case 0xfb:
		return INSN_HLT;
	case 0xca: /* erets, eretu; without f2 or f3 it is clac */
		return insn->rep ? INSN_FAR : INSN_PLAIN;
	case 0xde: /* skinit */
		return INSN_FAR;
	case 0xec: /* uiret; reserved without f3 */
		return insn->rep ? INSN_FAR : INSN_PLAIN;
	default:
		return INSN_PLAIN;
	}
}

static enum insn_class classify_two_byte(const struct insn *insn)
{
	switch (insn->opcode) {
	case 0x01:
		return classify_system(insn);
	case 0x05: /* syscall */
	case 0x34: /* sysenter */
	case 0x37: /* getsec, whose leaves enter and leave measured code */
		return INSN_SYSCALL;
	case 0x07: /* sysret */
	case 0x35: /* sysexit */
	case 0xaa: /* rsm */
		return INSN_FAR;
	case 0x0b:
	case 0xb9:
	case 0xff:
		return INSN_UNDEFINED;
	case 0x80 ... 0x8f:
		return INSN_JCC;
	case 0xb2: /* lss: loads ss too; whether it also delays traps differs between makers */
		return INSN_MOV_SS;
	default:
		return INSN_PLAIN;
	}
}

enum insn_class insn_classify(const struct insn *insn)
{
	if (insn->vex)
		return INSN_PLAIN;
	if (insn->map == 0)
		return classify_one_byte(insn);
	if (insn->map == 1)
		return classify_two_byte(insn);
	return INSN_PLAIN;
}

static const char *const names[] = {
	[INSN_PLAIN] = "plain",	    [INSN_CALL_REL] = "call_rel", [INSN_CALL_IND] = "call_ind",
	[INSN_JMP_REL] = "jmp_rel", [INSN_JMP_IND] = "jmp_ind",	  [INSN_JCC] = "jcc",
	[INSN_LOOP] = "loop",	    [INSN_RET] = "ret",		  [INSN_FAR] = "far",
	[INSN_INT] = "int",	    [INSN_SYSCALL] = "syscall",	  [INSN_PUSHF] = "pushf",
	[INSN_POPF] = "popf",	    [INSN_CLI] = "cli",		  [INSN_STI] = "sti",
	[INSN_HLT] = "hlt",	    [INSN_MOV_SS] = "mov_ss",	  [INSN_UNDEFINED] = "undefined",
};

const char *insn_class_name(enum insn_class c)
{
	return (size_t)c < ARRAY_SIZE(names) ? names[c] : "unknown";
}
