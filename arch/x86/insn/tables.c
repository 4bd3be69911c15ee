/* The opcode maps of 64-bit mode (Intel SDM vol. 2, appendix A), drawn as grids: row = high nibble, column =
 * low. */
#include "arch/x86/insn/internal.h"
#include "lib/compiler.h"

/* One more than 256: the string's terminator. */
typedef const char opcode_map[257];

/* clang-format off */
static opcode_map one_byte =
	/*	 0 1 2 3 4 5 6 7   8 9 a b c d e f */
	/* 0 */ "mmmmbzxx" "mmmmbzxp"
	/* 1 */ "mmmmbzxx" "mmmmbzxx"
	/* 2 */ "mmmmbzpx" "mmmmbzpx"
	/* 3 */ "mmmmbzpx" "mmmmbzpx"
	/* 4 */ "pppppppp" "pppppppp"
	/* 5 */ "........" "........"
	/* 6 */ "xxpmpppp" "zZbB...."
	/* 7 */ "jjjjjjjj" "jjjjjjjj"
	/* 8 */ "BZxBmmmm" "mmmmmmmm"
	/* 9 */ "........" "..x....."
	/* a */ "aaaa...." "bz......"
	/* b */ "bbbbbbbb" "vvvvvvvv"
	/* c */ "BBw.ppBZ" "e.w..bx."
	/* d */ "mmmmxxx." "mmmmmmmm"
	/* e */ "jjjjbbbb" "JJxj...."
	/* f */ "p.pp..tT" "......mm";

static opcode_map two_byte = /* 0f */
	/* 0 */ "mmmmx..." "..x.xm.D"
	/* 1 */ "mmmmmmmm" "mmmmmmmm"
	/* 2 */ "rrrrxxxx" "mmmmmmmm"
	/* 3 */ "......x." "pxpxxxxx"
	/* 4 */ "mmmmmmmm" "mmmmmmmm"
	/* 5 */ "mmmmmmmm" "mmmmmmmm"
	/* 6 */ "mmmmmmmm" "mmmmmmmm"
	/* 7 */ "BBBBmmm." "smxxmmmm"
	/* 8 */ "JJJJJJJJ" "JJJJJJJJ"
	/* 9 */ "mmmmmmmm" "mmmmmmmm"
	/* a */ "...mBmmm" "...mBmmm"
	/* b */ "mmmmmmmm" "mmBmmmmm"
	/* c */ "mmBmBBBm" "........"
	/* d */ "mmmmmmmm" "mmmmmmmm"
	/* e */ "mmmmmmmm" "mmmmmmmm"
	/* f */ "mmmmmmmm" "mmmmmmmm";

static opcode_map three_byte_38 = /* 0f 38 */
	/* 0 */ "mmmmmmmm" "mmmmxxxx"
	/* 1 */ "mxxxmmxm" "xxxxmmmx"
	/* 2 */ "mmmmmmxx" "mmmmxxxx"
	/* 3 */ "mmmmmmxm" "mmmmmmmm"
	/* 4 */ "mmxxxxxx" "xxxxxxxx"
	/* 5 */ "xxxxxxxx" "xxxxxxxx"
	/* 6 */ "xxxxxxxx" "xxxxxxxx"
	/* 7 */ "xxxxxxxx" "xxxxxxxx"
	/* 8 */ "mmmxxxxx" "xxxxxxxx"
	/* 9 */ "xxxxxxxx" "xxxxxxxx"
	/* a */ "xxxxxxxx" "xxxxxxxx"
	/* b */ "xxxxxxxx" "xxxxxxxx"
	/* c */ "xxxxxxxx" "mmmmmmxm"
	/* d */ "xxxxxxxx" "mxxmmmmm"
	/* e */ "xxxxxxxx" "xxxxxxxx"
	/* f */ "mmxxxmmx" "mmmmmxxx";

static opcode_map three_byte_3a = /* 0f 3a */
	/* 0 */ "xxxxxxxx" "BBBBBBBB"
	/* 1 */ "xxxxBBBB" "xxxxxxxx"
	/* 2 */ "BBBxxxxx" "xxxxxxxx"
	/* 3 */ "xxxxxxxx" "xxxxxxxx"
	/* 4 */ "BBBxBxxx" "xxxxxxxx"
	/* 5 */ "xxxxxxxx" "xxxxxxxx"
	/* 6 */ "BBBBxxxx" "xxxxxxxx"
	/* 7 */ "xxxxxxxx" "xxxxxxxx"
	/* 8 */ "xxxxxxxx" "xxxxxxxx"
	/* 9 */ "xxxxxxxx" "xxxxxxxx"
	/* a */ "xxxxxxxx" "xxxxxxxx"
	/* b */ "xxxxxxxx" "xxxxxxxx"
	/* c */ "xxxxxxxx" "xxxxBxBB"
	/* d */ "xxxxxxxx" "xxxxxxxB"
	/* e */ "xxxxxxxx" "xxxxxxxx"
	/* f */ "Bxxxxxxx" "xxxxxxxx";
/* clang-format on */

static const char *const legacy_maps[] = { one_byte, two_byte, three_byte_38, three_byte_3a };

/* The vector maps are regular: the length depends on the map alone, but for the oldest. */
static enum insn_form vector_form(u8 map, u8 opcode)
{
	switch (map) {
	case 1:
		break;
	case 3:
	case 8: /* XOP */
		return FORM_MODRM_IMM8;
	case 10: /* XOP; no 66 can stand before it, so always four bytes */
		return FORM_MODRM_IMMZ;
	default:
		return FORM_MODRM;
	}
	switch (opcode) {
	case 0x77: /* vzeroupper, vzeroall */
		return FORM_BARE;
	case 0x70 ... 0x73:
	case 0xc2:
	case 0xc4 ... 0xc6:
		return FORM_MODRM_IMM8;
	case 0x10 ... 0x17:
	case 0x28 ... 0x2f:
	case 0x40 ... 0x6f:
	case 0x74 ... 0x76:
	case 0x78 ... 0x7f:
	case 0x90 ... 0x99:
	case 0xae:
	case 0xd0 ... 0xfe:
		return FORM_MODRM;
	default:
		return FORM_INVALID;
	}
}

enum insn_form insn_form(const struct insn *insn)
{
	if (insn->vex)
		return vector_form(insn->map, insn->opcode);
	return (enum insn_form)legacy_maps[insn->map][insn->opcode];
}

/* c6 and c7 have one member, mov, and one stray: xabort, xbegin. */
static bool is_mov_group(u8 modrm) { return (modrm & 0x38) == 0 || modrm == 0xf8; }

/* Control registers 0, 2, 3, 4 and 8; debug registers up to 7. */
static bool is_two_byte_hole(const struct insn *insn, u8 reg, bool in_memory)
{
	bool high = insn->rex & REX_R;

	switch (insn->opcode) {
	case 0x20:
	case 0x22:
		return high ? reg != 0 : reg == 1 || reg > 4;
	case 0x21:
	case 0x23:
		return high;
	case 0xb2:
		return !in_memory;
	case 0xba:
		return reg < 4;
	default:
		return false;
	}
}

bool insn_is_hole(const struct insn *insn)
{
	u8 reg = modrm_reg(insn);
	bool in_memory = modrm_mod(insn) != 3;

	if (insn->vex || insn->map > 1)
		return false;
	if (insn->map == 1)
		return is_two_byte_hole(insn, reg, in_memory);
	switch (insn->opcode) {
	case 0x8c: /* six segment registers, */
		return reg > 5;
	case 0x8e: /* and cs can't be loaded by mov */
		return reg > 5 || reg == 1;
	case 0x8d:
		return !in_memory;
	case 0x8f:
		return reg != 0;
	case 0xc6:
	case 0xc7:
		return !is_mov_group(insn->modrm);
	case 0xfe:
		return reg > 1;
	case 0xff: /* far pointers live in memory only */
		return reg == 7 || ((reg == 3 || reg == 5) && !in_memory);
	default:
		return false;
	}
}

/* An operation on memory that reads and writes: all others fault with lock before them. */
bool insn_is_lockable(const struct insn *insn)
{
	u8 reg = modrm_reg(insn);

	if (insn->vex || insn->map > 1 || !insn->has_modrm || modrm_mod(insn) == 3)
		return false;
	switch (insn->map << 8 | insn->opcode) {
	case 0x000 ... 0x037: /* add, or, adc, sbb, and, sub, xor: to memory */
		return (insn->opcode & 7) < 2;
	case 0x080 ... 0x083:
		return reg != 7;
	case 0x086: /* xchg */
	case 0x087:
	case 0x1ab: /* bts, btr, btc */
	case 0x1b3:
	case 0x1bb:
	case 0x1b0: /* cmpxchg */
	case 0x1b1:
	case 0x1c0: /* xadd */
	case 0x1c1:
		return true;
	case 0x0f6: /* not, neg */
	case 0x0f7:
		return reg == 2 || reg == 3;
	case 0x0fe: /* inc, dec */
	case 0x0ff:
		return reg < 2;
	case 0x1ba:
		return reg > 4;
	case 0x1c7: /* cmpxchg8b, cmpxchg16b */
		return reg == 1;
	default:
		return false;
	}
}
