/*
 * The decoder proper: prefixes, then opcode, then what the opcode's form says follows.
 *
 * Where processors differ it follows Intel: near branches ignore 66 (AMD's take a 16-bit offset then).
 * Reserved encodings inside a defined opcode (a missing 66, a vector length that isn't) are accepted with
 * the length they would have: they fault, or are newer than these tables; either way the length is right.
 * APX (REX2, map 4, 32 registers in EVEX) is not understood and refused.
 */
#include "abi/errno.h"
#include "arch/x86/insn/internal.h"
#include "lib/compiler.h"

/* Where the decoder stands, and the prefix that no field of struct insn keeps. */
struct cursor {
	const u8 *bytes;
	u8 pos, limit;
	bool overrun; /* asked for a byte past @limit; everything after is made-up zeros */
	bool lock;
};

static u8 next(struct cursor *c)
{
	if (c->pos < c->limit)
		return c->bytes[c->pos++];
	c->overrun = true;
	return 0;
}

static s64 next_signed(struct cursor *c, u8 size)
{
	unsigned unused = 64u - 8u * size;
	u64 value = 0;

	for (u8 i = 0; i < size; i++)
		value |= (u64)next(c) << (8 * i);
	return (s64)(value << unused) >> unused;
}

/* Notes a legacy prefix; false if @byte is none. */
static bool take_prefix(struct insn *out, struct cursor *c, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return true; /* a segment: changes no length */
	case 0x66:
		out->operand16 = true;
		return true;
	case 0x67:
		out->address32 = true;
		return true;
	case 0xf0:
		c->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		out->rep = true;
		return true;
	default:
		return false;
	}
}

/* Returns the first byte that is no prefix. REX counts only right before it; an earlier one is ignored. */
static u8 read_prefixes(struct insn *out, struct cursor *c)
{
	for (;;) {
		u8 byte = next(c);

		if ((byte & 0xf0) == 0x40) {
			out->rex = byte;
			out->prefix_bytes = c->pos - 1;
		} else if (take_prefix(out, c, byte)) {
			out->rex = 0;
			out->prefix_bytes = c->pos;
		} else {
			return byte;
		}
	}
}

/* The rest of a vector prefix whose first byte was @first: false if it is malformed. */
static bool read_vector_prefix(struct insn *out, struct cursor *c, u8 first)
{
	u8 payload = next(c);

	out->vex = true;
	switch (first) {
	case 0xc5: /* VEX, short */
		out->map = 1;
		return true;
	case 0xc4: /* VEX */
		out->map = payload & 0x1f;
		next(c);
		return out->map >= 1 && out->map <= 3;
	case 0x8f: /* XOP */
		out->map = payload & 0x1f;
		next(c);
		return out->map >= 8 && out->map <= 10;
	default: /* EVEX: a bit fixed at 0, a map, and in the next byte a bit fixed at 1 */
		out->map = payload & 0x0f;
		payload = next(c);
		next(c);
		return (payload & 0x04) && out->map != 0 && out->map != 4 && out->map <= 6;
	}
}

/* 8f is XOP's first byte when the next one can't be pop's modrm, whose reg is 0. */
static bool is_vector_prefix(const struct cursor *c, u8 byte)
{
	if (byte == 0x8f)
		return c->pos < c->limit && (c->bytes[c->pos] & 0x18);
	return byte == 0x62 || byte == 0xc4 || byte == 0xc5;
}

/* Reads from @byte to the end of the opcode; returns what must follow. */
static enum insn_form read_opcode(struct insn *out, struct cursor *c, u8 byte)
{
	if (is_vector_prefix(c, byte)) {
		bool stacked = out->rex || out->rep || out->operand16 || c->lock;

		if (!read_vector_prefix(out, c, byte) || stacked)
			return FORM_INVALID;
		out->opcode = next(c);
		return insn_form(out);
	}
	if (byte == 0x0f) {
		out->map = 1;
		byte = next(c);
		if (byte == 0x38 || byte == 0x3a) {
			out->map = byte == 0x38 ? 2 : 3;
			byte = next(c);
		}
	}
	out->opcode = byte;
	return insn_form(out);
}

static bool form_has_modrm(enum insn_form form)
{
	switch (form) {
	case FORM_MODRM:
	case FORM_MODRM_REG:
	case FORM_MODRM_IMM8:
	case FORM_MODRM_IMMZ:
	case FORM_MODRM_SUFFIX:
	case FORM_TEST8:
	case FORM_TESTZ:
	case FORM_SSE4A:
		return true;
	default:
		return false;
	}
}

/* modrm, sib and displacement. An EVEX disp8 stays unscaled: its place and size are what matters here. */
static void read_modrm(struct insn *out, struct cursor *c, enum insn_form form)
{
	out->has_modrm = true;
	out->modrm = next(c);

	u8 mod = modrm_mod(out), rm = modrm_rm(out);

	if (form == FORM_MODRM_REG || mod == 3)
		return;
	if (mod != 0)
		out->disp_size = mod == 1 ? 1 : 4;
	if (rm == 4) {
		u8 base = next(c) & 7;

		if (mod == 0 && base == 5)
			out->disp_size = 4;
	} else if (mod == 0 && rm == 5) {
		out->rip_relative = true;
		out->disp_size = 4;
	}
	if (out->disp_size) {
		out->disp_offset = c->pos;
		out->disp = (s32)next_signed(c, out->disp_size);
	}
}

static u8 immediate_size(const struct insn *out, enum insn_form form)
{
	bool wide = out->rex & REX_W; /* beats 66 */
	u8 z = out->operand16 && !wide ? 2 : 4;
	bool is_test = modrm_reg(out) < 2;

	switch (form) {
	case FORM_IMM8:
	case FORM_REL8:
	case FORM_MODRM_IMM8:
		return 1;
	case FORM_IMM16:
	case FORM_ENTER:
		return 2;
	case FORM_REL32:
		return 4;
	case FORM_IMMZ:
	case FORM_MODRM_IMMZ:
		return z;
	case FORM_IMMV:
		return wide ? 8 : z;
	case FORM_ADDRESS:
		return out->address32 ? 4 : 8;
	case FORM_TEST8:
		return is_test ? 1 : 0;
	case FORM_TESTZ:
		return is_test ? z : 0;
	case FORM_SSE4A:
		return out->operand16 || out->rep ? 1 : 0;
	default:
		return 0;
	}
}

static void read_immediates(struct insn *out, struct cursor *c, enum insn_form form)
{
	out->imm_size = immediate_size(out, form);
	if (out->imm_size) {
		out->imm_offset = c->pos;
		out->imm = next_signed(c, out->imm_size);
	}
	/* A second byte that nobody here needs the value of. */
	if (form == FORM_ENTER || form == FORM_MODRM_SUFFIX || (form == FORM_SSE4A && out->imm_size))
		next(c);
}

int insn_decode(struct insn *out, const u8 *bytes, size_t max)
{
	struct cursor c = { .bytes = bytes, .limit = max < INSN_MAX_LENGTH ? (u8)max : INSN_MAX_LENGTH };

	*out = (struct insn){ 0 };

	u8 first = read_prefixes(out, &c);
	enum insn_form form = read_opcode(out, &c, first);

	if (form != FORM_INVALID && form_has_modrm(form))
		read_modrm(out, &c, form);
	if (form != FORM_INVALID)
		read_immediates(out, &c, form);
	if (c.overrun)
		return -E2BIG;
	if (form == FORM_INVALID || form == FORM_PREFIX || (out->has_modrm && insn_is_hole(out)))
		return -EINVAL;
	if (c.lock && !insn_is_lockable(out))
		return -EINVAL;
	out->length = c.pos;
	out->class = insn_classify(out);
	return 0;
}
