/* One instruction: what it does to the flow of control and to the stack, as Zydis tells. */
#include "tools/noinstr-check/zydis.h"

ZydisDecoder *decoder(void)
{
	static ZydisDecoder d;
	static bool ready;

	if (!ready)
		ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ready = true;
	return &d;
}

bool decode(const struct image *img, u64 addr, u64 end, struct decoded *out)
{
	size_t max = end - addr < MAX_LENGTH ? end - addr : MAX_LENGTH;
	const u8 *bytes = image_bytes(img, addr, &max);

	return bytes && ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder(), bytes, max, &out->i, out->op));
}

static bool is_reg(const ZydisDecodedOperand *op, ZydisRegister reg)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value == reg;
}

bool is_padding(const struct decoded *d, const u8 *bytes)
{
	return d->i.meta.category == ZYDIS_CATEGORY_NOP || d->i.meta.category == ZYDIS_CATEGORY_WIDENOP ||
	       d->i.mnemonic == ZYDIS_MNEMONIC_INT3 || d->i.mnemonic == ZYDIS_MNEMONIC_UD2 ||
	       (d->i.length == 2 && bytes[0] == 0 && bytes[1] == 0) || d->i.mnemonic == ZYDIS_MNEMONIC_NOP;
}

/* A branch that says where it goes, or doesn't. */
static u8 branch(const struct decoded *d, u64 addr, u8 direct, u8 indirect, u64 *target)
{
	if (d->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && d->op[0].imm.is_relative) {
		ZydisCalcAbsoluteAddress(&d->i, &d->op[0], addr, target);
		return direct;
	}
	return indirect;
}

u8 flow_of(const struct decoded *d, u64 addr, u64 *target)
{
	switch (d->i.mnemonic) {
	case ZYDIS_MNEMONIC_JMP:
		return branch(d, addr, FLOW_JMP, FLOW_JMP_IND, target);
	case ZYDIS_MNEMONIC_CALL:
		return branch(d, addr, FLOW_CALL, FLOW_CALL_IND, target);
	case ZYDIS_MNEMONIC_RET:
		return d->i.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? FLOW_IRET : FLOW_RET;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT:
		return FLOW_IRET;
	case ZYDIS_MNEMONIC_UD2:
		return FLOW_STOP;
	default:
		if (d->i.meta.category == ZYDIS_CATEGORY_COND_BR)
			return branch(d, addr, FLOW_JCC, FLOW_JMP_IND, target);
		return FLOW_PLAIN;
	}
}

/* rsp = base + disp, or rbp = base + disp: by lea or mov. */
static u8 address_op(const struct decoded *d, u8 from_sp, u8 from_bp, u8 other, int64_t *n)
{
	const ZydisDecodedOperand *src = &d->op[1];
	ZydisRegister base = ZYDIS_REGISTER_NONE;

	*n = 0;
	if (d->i.mnemonic == ZYDIS_MNEMONIC_MOV && src->type == ZYDIS_OPERAND_TYPE_REGISTER)
		base = src->reg.value;
	if (d->i.mnemonic == ZYDIS_MNEMONIC_LEA && src->mem.index == ZYDIS_REGISTER_NONE) {
		base = src->mem.base;
		*n = src->mem.disp.value;
	}
	if (base == ZYDIS_REGISTER_RSP)
		return from_sp;
	return base == ZYDIS_REGISTER_RBP ? from_bp : other;
}

static u8 stack_pointer_op(const struct decoded *d, int64_t *n)
{
	bool imm = d->op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	u8 kind;

	switch (d->i.mnemonic) {
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_ADD:
		*n = d->i.mnemonic == ZYDIS_MNEMONIC_SUB ? d->op[1].imm.value.s : -d->op[1].imm.value.s;
		return imm ? STACK_DOWN : STACK_STRANGE;
	case ZYDIS_MNEMONIC_AND:
		return imm ? STACK_ALIGN : STACK_STRANGE;
	default:
		kind = address_op(d, STACK_DOWN, STACK_FROM_BP, STACK_STRANGE, n);
		if (kind == STACK_DOWN)
			*n = -*n;
		return kind;
	}
}

/* Is it @reg, or the lower half of it? */
static bool is_part(const ZydisDecodedOperand *op, ZydisRegister reg)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value) == reg;
}

static bool writes(const struct decoded *d, ZydisRegister reg)
{
	for (unsigned i = 0; i < d->i.operand_count; i++)
		if (is_part(&d->op[i], reg) && (d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			return true;
	return false;
}

static u8 frame_pointer_op(const struct decoded *d, int64_t *n)
{
	if (is_reg(&d->op[0], ZYDIS_REGISTER_RBP) &&
	    address_op(d, STACK_SAVE_BP, STACK_CHANGES_BP, STACK_CHANGES_BP, n) == STACK_SAVE_BP)
		return STACK_SAVE_BP;
	*n = 0;
	return STACK_CHANGES_BP;
}

u8 stack_of(const struct decoded *d, int64_t *n)
{
	switch (d->i.mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
		return STACK_SAME;
	case ZYDIS_MNEMONIC_RET: /* ret n takes what the caller counts on */
		return d->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? STACK_STRANGE : STACK_SAME;
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFQ:
		*n = d->i.operand_width / 8;
		return STACK_DOWN;
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFQ: /* its operands are only rsp and the flags */
		*n = -(int64_t)d->i.operand_width / 8;
		return STACK_DOWN;
	case ZYDIS_MNEMONIC_POP:
		*n = -(int64_t)d->i.operand_width / 8;
		if (is_part(&d->op[0], ZYDIS_REGISTER_RSP))
			return STACK_STRANGE;
		return is_part(&d->op[0], ZYDIS_REGISTER_RBP) ? STACK_CHANGES_BP : STACK_DOWN;
	case ZYDIS_MNEMONIC_LEAVE:
		return STACK_LEAVE;
	default:
		if (writes(d, ZYDIS_REGISTER_RSP))
			return is_reg(&d->op[0], ZYDIS_REGISTER_RSP) ? stack_pointer_op(d, n) : STACK_STRANGE;
		return writes(d, ZYDIS_REGISTER_RBP) ? frame_pointer_op(d, n) : STACK_SAME;
	}
}

const char *insn_text(const struct image *img, const struct insn *i)
{
	static char text[128];
	ZydisFormatter formatter;
	struct decoded d;

	if (!decode(img, i->addr, i->addr + i->len, &d))
		return "?";
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	ZydisFormatterFormatInstruction(&formatter, &d.i, d.op, d.i.operand_count_visible, text, sizeof(text),
					i->addr, NULL);
	return text;
}
