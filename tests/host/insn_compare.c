/* Every fact of struct insn, derived once more from what Zydis says. */
#include "tests/host/insn_compare.h"

static ZydisDecoder decoder;

void insn_compare_init(void)
{
	ZyanStatus status = ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);

	if (!ZYAN_SUCCESS(status))
		abort();
}

void insn_complain(const char *where, const u8 *bytes, size_t len, const char *why)
{
	printf("# %s:", where);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", bytes[i]);
	printf(": %s\n", why);
}

/*
 * Knights Corner had vector encodings of its own (MVEX, jumps on masks) where all other processors
 * have reserved ones. Nothing else runs them, so to us they are no instructions.
 */
static bool is_knights_corner(const ZydisDecodedInstruction *z)
{
	switch (z->meta.isa_ext) {
	case ZYDIS_ISA_EXT_KNC:
	case ZYDIS_ISA_EXT_KNCE:
	case ZYDIS_ISA_EXT_KNCV:
		return true;
	default:
		return z->encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX;
	}
}

enum encoding { LEGACY, VEX, EVEX, XOP };

static enum encoding encoding_of(const struct insn *i, const u8 *bytes)
{
	if (!i->vex)
		return LEGACY;
	switch (bytes[i->prefix_bytes]) {
	case 0x62:
		return EVEX;
	case 0x8f:
		return XOP;
	default:
		return VEX;
	}
}

/* Opcodes FROM to TO, or some of them: bytes in pairs. */
#define SYSTEM_GROUPS "\x00\x01\xa6\xa7\xae\xae\xc7\xc7"
#define X87	      "\xd9\xdf"
#define MEMORY_ONLY   "\xb4\xb5\xc3\xc3"
#define NO_PREFIX     "\x37\x37\x77\x77\x78\x79\xb8\xb8"
#define SSE                                                                                        \
	"\x12\x17\x28\x29\x2b\x2b\x2e\x2f\x50\x50\x52\x57\x5b\x5b\x60\x6f\x71\x76\x7c\x7f\xc4\xc6" \
	"\xd0\xfe"
#define SSE_38	"\x00\x0b\x10\x17\x1c\x1e\x20\x2b\x30\x41\x80\x82\xc8\xcf\xd8\xdf\xf0\xfc"
#define SSE_3A	"\x08\x17\x20\x22\x40\x44\x60\x63\xcc\xdf\xf0\xf0"
#define ANY_OF	"\x00\xff"
#define ANY_MAP 0xff

/*
 * All that we accept and Zydis refuses, why, and where. Each of these faults when executed, or is newer
 * than this Zydis; its length follows from its form either way, so a walk over code goes on right, and
 * a copy in a slot faults as the original would.
 */
static const struct reason {
	const char *text;
	enum encoding encoding;
	ZyanStatus status;
	u8 map;
	const char *ranges;
} reasons[] = {
	{ "x87: reserved registers' opcodes", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 0, X87 },
	{ "reserved members of system groups", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 1, SYSTEM_GROUPS },
	{ "3DNow!: a suffix that is none", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 1, "\x0f\x0f" },
	{ "register where only memory is defined", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 1, MEMORY_ONLY },
	{ "66, f2 or f3 before what knows none", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 1, NO_PREFIX },
	{ "SSE with a reserved 66, f2, f3 or mod", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 1, SSE },
	{ "0f38 with a reserved 66, f2, f3 or mod", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 2, SSE_38 },
	{ "0f3a with a reserved 66, f2, f3 or mod", LEGACY, ZYDIS_STATUS_DECODING_ERROR, 3, SSE_3A },
	{ "MPX: bnd4 and above", LEGACY, ZYDIS_STATUS_BAD_REGISTER, 1, "\x1a\x1b" },
	{ "VEX: reserved opcode, pp, W, L, vvvv or register", VEX, 0, ANY_MAP, ANY_OF },
	{ "EVEX: the same, or a mask or z that may not be", EVEX, 0, ANY_MAP, ANY_OF },
	{ "XOP: reserved opcode, pp, W, L or vvvv", XOP, 0, ANY_MAP, ANY_OF },
};

const char *insn_reason_text(unsigned reason)
{
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason].text : NULL;
}

static bool in_ranges(u8 opcode, const char *ranges)
{
	const u8 *r = (const u8 *)ranges;

	do {
		if (r[0] <= opcode && opcode <= r[1])
			return true;
		r += 2;
	} while (r[0]);
	return false;
}

/* In vectors any status but one of a prefix or a length that we should have seen. */
static bool status_fits(const struct reason *r, ZyanStatus status)
{
	if (r->status)
		return status == r->status;
	return status == ZYDIS_STATUS_DECODING_ERROR || status == ZYDIS_STATUS_BAD_REGISTER ||
	       status == ZYDIS_STATUS_MALFORMED_EVEX || status == ZYDIS_STATUS_INVALID_MASK;
}

/* We accept, Zydis says @status. */
static void judge_alone(struct comparison *c, const struct insn *i, const u8 *bytes, ZyanStatus status)
{
	enum encoding encoding = encoding_of(i, bytes);

	c->verdict = WE_ACCEPT;
	for (u8 n = 0; insn_reason_text(n); n++) {
		const struct reason *r = &reasons[n];

		c->reason = n;
		if (r->encoding == encoding && (r->map == ANY_MAP || r->map == i->map) &&
		    in_ranges(i->opcode, r->ranges) && status_fits(r, status))
			return;
	}
	c->verdict = DISAGREEMENT;
	snprintf(c->why, sizeof(c->why), "we accept map %u opcode %02x, Zydis refuses: status %x", i->map,
		 i->opcode, status & 0xff);
}

static bool is_far(const ZydisDecodedInstruction *z) { return z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR; }

static bool is_relative(const ZydisDecodedInstruction *z) { return z->raw.imm[0].is_relative; }

static bool loads_ss(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	return z->mnemonic == ZYDIS_MNEMONIC_LSS ||
	       (z->mnemonic == ZYDIS_MNEMONIC_MOV && ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		ops[0].reg.value == ZYDIS_REGISTER_SS);
}

static enum insn_class class_of(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		return is_far(z) ? INSN_FAR : is_relative(z) ? INSN_CALL_REL : INSN_CALL_IND;
	case ZYDIS_MNEMONIC_JMP:
		return is_far(z) ? INSN_FAR : is_relative(z) ? INSN_JMP_REL : INSN_JMP_IND;
	case ZYDIS_MNEMONIC_RET:
		return is_far(z) ? INSN_FAR : INSN_RET;
	case ZYDIS_MNEMONIC_LOOP:
	case ZYDIS_MNEMONIC_LOOPE:
	case ZYDIS_MNEMONIC_LOOPNE:
	case ZYDIS_MNEMONIC_JECXZ:
	case ZYDIS_MNEMONIC_JRCXZ:
		return INSN_LOOP;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_RSM:
	case ZYDIS_MNEMONIC_UIRET:
	case ZYDIS_MNEMONIC_SKINIT:
	case ZYDIS_MNEMONIC_XBEGIN:
		return INSN_FAR;
	case ZYDIS_MNEMONIC_INT:
	case ZYDIS_MNEMONIC_INT1:
	case ZYDIS_MNEMONIC_INT3:
		return INSN_INT;
	case ZYDIS_MNEMONIC_SYSCALL:
	case ZYDIS_MNEMONIC_SYSENTER:
	case ZYDIS_MNEMONIC_VMCALL:
	case ZYDIS_MNEMONIC_VMLAUNCH:
	case ZYDIS_MNEMONIC_VMRESUME:
	case ZYDIS_MNEMONIC_VMRUN:
	case ZYDIS_MNEMONIC_VMMCALL:
	case ZYDIS_MNEMONIC_ENCLS:
	case ZYDIS_MNEMONIC_ENCLU:
	case ZYDIS_MNEMONIC_ENCLV:
	case ZYDIS_MNEMONIC_TDCALL:
	case ZYDIS_MNEMONIC_SEAMCALL:
	case ZYDIS_MNEMONIC_SEAMOPS:
	case ZYDIS_MNEMONIC_SEAMRET:
	case ZYDIS_MNEMONIC_GETSEC:
		return INSN_SYSCALL;
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFD:
	case ZYDIS_MNEMONIC_PUSHFQ:
		return INSN_PUSHF;
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFD:
	case ZYDIS_MNEMONIC_POPFQ:
		return INSN_POPF;
	case ZYDIS_MNEMONIC_XEND: /* counted as a branch by Zydis, but it only falls through */
		return INSN_PLAIN;
	case ZYDIS_MNEMONIC_CLI:
		return INSN_CLI;
	case ZYDIS_MNEMONIC_STI:
		return INSN_STI;
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_MWAIT:
	case ZYDIS_MNEMONIC_MWAITX:
		return INSN_HLT;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
		return INSN_UNDEFINED;
	default:
		break;
	}
	if (loads_ss(z, ops))
		return INSN_MOV_SS;
	return z->meta.category == ZYDIS_CATEGORY_COND_BR ? INSN_JCC : INSN_PLAIN;
}

static bool is_rip_relative(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	for (int i = 0; i < z->operand_count; i++)
		if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (ops[i].mem.base == ZYDIS_REGISTER_RIP || ops[i].mem.base == ZYDIS_REGISTER_EIP))
			return true;
	return false;
}

static bool has_prefix(const ZydisDecodedInstruction *z, u8 prefix)
{
	for (int i = 0; i < z->raw.prefix_count; i++)
		if (z->raw.prefixes[i].value == prefix)
			return true;
	return false;
}

/* Where the REX or vector prefix stands, or the first byte that is no prefix. */
static unsigned prefix_bytes(const ZydisDecodedInstruction *z)
{
	switch (z->encoding) {
	case ZYDIS_INSTRUCTION_ENCODING_VEX:
		return z->raw.vex.offset;
	case ZYDIS_INSTRUCTION_ENCODING_EVEX:
		return z->raw.evex.offset;
	case ZYDIS_INSTRUCTION_ENCODING_XOP:
		return z->raw.xop.offset;
	default:
		return z->attributes & ZYDIS_ATTRIB_HAS_REX ? z->raw.rex.offset : z->raw.prefix_count;
	}
}

static unsigned map_number(const ZydisDecodedInstruction *z)
{
	switch (z->opcode_map) {
	case ZYDIS_OPCODE_MAP_0F0F:
		return 1; /* to us the 3DNow! instructions are one opcode of map 0f */
	case ZYDIS_OPCODE_MAP_XOP8:
		return 8;
	case ZYDIS_OPCODE_MAP_XOP9:
		return 9;
	case ZYDIS_OPCODE_MAP_XOPA:
		return 10;
	default:
		return z->opcode_map - ZYDIS_OPCODE_MAP_DEFAULT;
	}
}

/* The absolute address of a0-a3 is a displacement to Zydis, an immediate to us: s32 can't hold it. */
static bool is_moffs(const ZydisDecodedInstruction *z)
{
	return z->raw.disp.size && !(z->attributes & ZYDIS_ATTRIB_HAS_MODRM);
}

static u64 low_bits(u64 value, unsigned bytes)
{
	return bytes == 8 ? value : value & ((1ull << (8 * bytes)) - 1);
}

/* Appends nothing if all is well; else the first difference found. */
static void compare(struct comparison *c, const struct insn *i, const ZydisDecodedInstruction *z,
		    const ZydisDecodedOperand *ops)
{
	bool moffs = is_moffs(z);
	unsigned disp_size = moffs ? 0 : z->raw.disp.size / 8;
	unsigned imm_size = moffs ? z->raw.disp.size / 8 : z->raw.imm[0].size / 8;
	unsigned imm_offset = moffs ? z->raw.disp.offset : z->raw.imm[0].offset;
	u64 imm = moffs ? (u64)z->raw.disp.value : z->raw.imm[0].value.u;
	bool has_modrm = z->attributes & ZYDIS_ATTRIB_HAS_MODRM;
	bool is_3dnow = z->opcode_map == ZYDIS_OPCODE_MAP_0F0F;
	bool vex = z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && !is_3dnow;

#define SAME(what, ours, theirs)                                                                       \
	do {                                                                                           \
		u64 _ours = (u64)(ours), _theirs = (u64)(theirs);                                      \
		if (_ours != _theirs && !c->why[0])                                                    \
			snprintf(c->why, sizeof(c->why), "%s: ours %" PRIx64 ", Zydis %" PRIx64, what, \
				 _ours, _theirs);                                                      \
	} while (0)

	SAME("length", i->length, z->length);
	SAME("vex", i->vex, vex);
	SAME("map", i->map, map_number(z));
	SAME("opcode", i->opcode, is_3dnow ? 0x0f : z->opcode);
	SAME("prefix bytes", i->prefix_bytes, prefix_bytes(z));
	SAME("rex", i->rex != 0, !vex && (z->attributes & ZYDIS_ATTRIB_HAS_REX) != 0);
	SAME("66", i->operand16, has_prefix(z, 0x66));
	SAME("f2/f3", i->rep, has_prefix(z, 0xf2) || has_prefix(z, 0xf3));
	SAME("has modrm", i->has_modrm, has_modrm);
	SAME("rip-relative", i->rip_relative, is_rip_relative(z, ops));
	SAME("disp size", i->disp_size, disp_size);
	if (disp_size) {
		SAME("disp offset", i->disp_offset, z->raw.disp.offset);
		SAME("disp", (s64)i->disp, z->raw.disp.value);
	}
	SAME("imm size", i->imm_size, imm_size);
	if (imm_size) {
		SAME("imm offset", i->imm_offset, imm_offset);
		SAME("imm", low_bits(i->imm, imm_size), low_bits(imm, imm_size));
		if (is_relative(z))
			SAME("branch offset", i->imm, z->raw.imm[0].value.s);
	}
	SAME("class", i->class, class_of(z, ops));
#undef SAME
}

struct comparison insn_compare(const u8 *bytes, size_t max)
{
	struct comparison c = { .verdict = BOTH_ACCEPT };
	ZydisDecodedInstruction z;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	struct insn ours;
	int error = insn_decode(&ours, bytes, max);
	ZyanStatus status = ZydisDecoderDecodeFull(&decoder, bytes, max, &z, ops);

	if (ZYAN_SUCCESS(status) && is_knights_corner(&z))
		status = ZYDIS_STATUS_DECODING_ERROR;
	if (!ZYAN_SUCCESS(status)) {
		if (error)
			c.verdict = BOTH_REFUSE;
		else
			judge_alone(&c, &ours, bytes, status);
		return c;
	}
	c.length = z.length;
	if (error)
		snprintf(c.why, sizeof(c.why), "we say %d, Zydis %s", error,
			 ZydisMnemonicGetString(z.mnemonic));
	else
		compare(&c, &ours, &z, ops);
	if (c.why[0])
		c.verdict = DISAGREEMENT;
	return c;
}
