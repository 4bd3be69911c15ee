/* What the decoder's parts share: the letters that say what follows an opcode. */
#pragma once

#include "arch/x86/insn/insn.h"

#define REX_R 0x04
#define REX_W 0x08

/* What follows an opcode byte; a letter each, so that an opcode map can be drawn as a 16x16 grid. */
enum insn_form {
	FORM_INVALID = 'x',	 /* no instruction in 64-bit mode */
	FORM_PREFIX = 'p',	 /* a prefix or escape: never the opcode itself */
	FORM_BARE = '.',	 /* nothing */
	FORM_IMM8 = 'b',	 /* one byte */
	FORM_IMM16 = 'w',	 /* two */
	FORM_IMMZ = 'z',	 /* four; two with 66 */
	FORM_IMMV = 'v',	 /* as above, and eight with REX.W: mov reg, imm */
	FORM_ENTER = 'e',	 /* two, then one */
	FORM_ADDRESS = 'a',	 /* an absolute address: eight; four with 67 */
	FORM_REL8 = 'j',	 /* a branch offset of one byte */
	FORM_REL32 = 'J',	 /* and of four */
	FORM_MODRM = 'm',	 /* modrm, and what it asks for */
	FORM_MODRM_REG = 'r',	 /* modrm that names two registers whatever mod says: mov cr, mov dr */
	FORM_MODRM_IMM8 = 'B',	 /* modrm, one byte */
	FORM_MODRM_IMMZ = 'Z',	 /* modrm, four; two with 66 */
	FORM_MODRM_SUFFIX = 'D', /* modrm, then the real opcode: 3DNow! */
	FORM_TEST8 = 't',	 /* f6: as B for /0 and /1, which are test; else as m */
	FORM_TESTZ = 'T',	 /* f7: as Z for /0 and /1 */
	FORM_SSE4A = 's',	 /* 0f 78: vmread, or with 66 or f2 an SSE4a form and two bytes */
};

/* What follows out->opcode of out->map, from the maps in tables.c. */
enum insn_form insn_form(const struct insn *insn);
/* Is this member of an opcode group undefined, though the opcode byte is not? Needs modrm. */
bool insn_is_hole(const struct insn *insn);
/* May lock stand before it? Needs modrm. */
bool insn_is_lockable(const struct insn *insn);
/* Any decoded instruction's class. */
enum insn_class insn_classify(const struct insn *insn);
/* names.c: how it is written, or NULL. @f3: with that prefix, and whether it is a part of the name. */
const char *insn_template(const struct insn *insn, bool f3, bool *f3_used);
