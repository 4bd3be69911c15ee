/*
 * x86-64 instructions, as far as a prober must understand them: how long, what kind of control
 * flow, where the displacement sits. Pure: bytes in, facts out (Intel SDM vol. 2, chapter 2 and
 * appendix A). Any context.
 */
#pragma once

#include "lib/types.h"

#define INSN_MAX_LENGTH 15

/* What an instruction does to ip, or to the state a single-step depends on. */
enum insn_class {
	INSN_PLAIN,    /* falls through, and may be executed elsewhere */
	INSN_CALL_REL, /* e8 */
	INSN_CALL_IND, /* ff /2 */
	INSN_JMP_REL,  /* eb, e9 */
	INSN_JMP_IND,  /* ff /4 */
	INSN_JCC,      /* 70-7f, 0f 80-8f */
	INSN_LOOP,     /* loop, loope, loopne, jrcxz: e0-e3 */
	INSN_RET,      /* c2, c3 */
	INSN_FAR,      /* far call, jmp, ret; iret, sysret, sysexit, rsm, skinit; xbegin: its aborts jump */
	INSN_INT,      /* int3, int n, int1 (icebp) */
	INSN_SYSCALL,  /* syscall, sysenter, vmcall-like entries */
	INSN_PUSHF,
	INSN_POPF,
	INSN_CLI,
	INSN_STI,
	INSN_HLT,	/* and mwait, mwaitx */
	INSN_MOV_SS,	/* mov ss, lss (pop ss is not for 64 bits): may hold off traps for one instruction */
	INSN_UNDEFINED, /* ud0, ud1, ud2: decodes, and always faults */
};

struct insn {
	u8 length;
	u8 prefix_bytes; /* how many legacy prefix bytes stand before REX/VEX/opcode */
	u8 rex;		 /* the REX byte, or 0 */
	u8 map;		 /* opcode map: 0 one-byte, 1 0f, 2 0f38, 3 0f3a; 5 6 EVEX only, 8 9 10 XOP */
	u8 opcode;	 /* the opcode byte within that map */
	bool vex;	 /* VEX, EVEX or XOP encoded */
	bool has_modrm;
	bool rip_relative; /* modrm mod=00 rm=101: the operand is at next ip + disp */
	bool rep;	   /* an f2 or f3 prefix is present */
	bool operand16;	   /* a 66 prefix is present */
	bool address32;	   /* a 67 prefix is */
	u8 modrm;
	u8 disp_offset, disp_size; /* the displacement's place in the bytes; size 0: none */
	u8 imm_offset, imm_size;   /* the (first) immediate or relative offset likewise */
	s32 disp;
	s64 imm; /* sign-extended; INSN_*_REL, JCC, LOOP: the branch offset; a0-a3: the absolute address */
	enum insn_class class;
};

/*
 * Decodes the instruction at @bytes, of which @max may be read. 0; -EINVAL when the bytes are no
 * instruction in 64-bit mode; -E2BIG when it would run past @max or past 15 bytes. @out is
 * unspecified on error.
 */
int insn_decode(struct insn *out, const u8 *bytes, size_t max);

/* Where a relative branch at address @ip goes. */
static inline u64 insn_target(const struct insn *insn, u64 ip) { return ip + insn->length + (u64)insn->imm; }

/* displace.c: the instruction executed at another address. Why it can't be, or NULL. */
const char *insn_cannot_displace(const struct insn *insn);
/* May GS be another one behind it? The kernel's own can't be stepped: the trap that ends the step needs GS. */
bool insn_changes_gs(const struct insn *insn);
/* May its copy be run at all, and be single-stepped? If not, though it can be displaced, it must be emulated. */
bool insn_can_step(const struct insn *insn);
/* May other code stand behind its copy: does it always end there, or fault? */
bool insn_can_boost(const struct insn *insn);
/* What a copy leaves relative to itself, to be moved back by original - copy. */
#define INSN_FIX_IP	1 /* ip */
#define INSN_FIX_RETURN 2 /* the return address it pushed */
u8 insn_fixes(const struct insn *insn);
/*
 * Writes the instruction of @bytes at @from into @copy (insn->length bytes) as it must read at @to, branch offsets
 * excepted: those are what the fix-up is for. -ERANGE, and nothing written: its operand is over 2 GiB from there.
 */
int insn_copy(u8 *copy, const u8 *bytes, const struct insn *insn, u64 from, u64 to);

/*
 * format.c: writes the instruction of @bytes at @ip as AT&T has it, as objdump and gdb do, into the @size bytes of @buf.
 * What it has no name for is "(map 0f38, opcode c8)". INSN_TEXT_MAX is enough.
 */
#define INSN_TEXT_MAX 128
void insn_format(char *buf, size_t size, const struct insn *insn, u64 ip, const u8 *bytes);

/* "call_rel", "plain", ...: for messages. */
const char *insn_class_name(enum insn_class c);

static inline u8 modrm_mod(const struct insn *i) { return i->modrm >> 6; }
static inline u8 modrm_reg(const struct insn *i) { return (i->modrm >> 3) & 7; }
static inline u8 modrm_rm(const struct insn *i) { return i->modrm & 7; }
