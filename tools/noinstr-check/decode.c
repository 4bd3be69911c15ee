/* From bytes to instructions, by following the flow of control from a function's entry; and what visible code says of hidden. */
#include "tools/noinstr-check/check.h"

#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#define MAX_LENGTH 15

struct decoded {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static ZydisDecoder *decoder(void)
{
	static ZydisDecoder d;
	static bool ready;

	if (!ready)
		ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ready = true;
	return &d;
}

static bool decode(const struct image *img, u64 addr, u64 end, struct decoded *out)
{
	size_t max = end - addr < MAX_LENGTH ? end - addr : MAX_LENGTH;
	const u8 *bytes = image_bytes(img, addr, &max);

	return bytes && ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder(), bytes, max, &out->i, out->op));
}

static bool is_reg(const ZydisDecodedOperand *op, ZydisRegister reg)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value == reg;
}

static bool is_padding(const struct decoded *d, const u8 *bytes)
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

static u8 flow_of(const struct decoded *d, u64 addr, u64 *target)
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

static bool writes(const struct decoded *d, ZydisRegister reg)
{
	for (unsigned i = 0; i < d->i.operand_count; i++)
		if (is_reg(&d->op[i], reg) && (d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			return true;
	return false;
}

static u8 stack_of(const struct decoded *d, int64_t *n)
{
	switch (d->i.mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
		return STACK_SAME;
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFQ:
		*n = d->i.operand_width / 8;
		return STACK_DOWN;
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFQ:
		*n = -(int64_t)d->i.operand_width / 8;
		if (is_reg(&d->op[0], ZYDIS_REGISTER_RSP))
			return STACK_STRANGE;
		return is_reg(&d->op[0], ZYDIS_REGISTER_RBP) ? STACK_CHANGES_BP : STACK_DOWN;
	case ZYDIS_MNEMONIC_LEAVE:
		return STACK_LEAVE;
	default:
		if (writes(d, ZYDIS_REGISTER_RSP) || writes(d, ZYDIS_REGISTER_ESP))
			return stack_pointer_op(d, n);
		if (writes(d, ZYDIS_REGISTER_RBP) || writes(d, ZYDIS_REGISTER_EBP))
			return address_op(d, STACK_SAVE_BP, STACK_CHANGES_BP, STACK_CHANGES_BP, n);
		return STACK_SAME;
	}
}

/* While one function is decoded: which byte begins an instruction, which lies within one; where to go on. */
struct walk {
	struct image *img;
	struct fn *f;
	u8 *bytes; /* 0 unknown, 1 begins an instruction, 2 within one */
	u64 *todo;
	size_t nr_todo;
};

static bool in_fn(const struct fn *f, u64 addr) { return addr >= f->addr && addr < f->addr + f->size; }

static void later(struct walk *w, u64 addr)
{
	GROW(w->todo, w->nr_todo);
	w->todo[w->nr_todo++] = addr;
}

static void add_succ(struct walk *w, struct insn *i, u64 to)
{
	GROW(w->f->succs, w->f->nr_succs);
	w->f->succs[w->f->nr_succs++] = to;
	i->nr_succs++;
	later(w, to);
}

/* "jmp [table + index*8]": the table's words, as long as they lead into this function. */
static void follow_table(struct walk *w, const struct decoded *d, struct insn *i)
{
	const ZydisDecodedOperand *op = &d->op[0];
	size_t max = ~0ul;
	const u8 *table;

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.base != ZYDIS_REGISTER_NONE ||
	    op->mem.scale != 8)
		return;
	table = image_bytes(w->img, (u64)op->mem.disp.value, &max);
	for (size_t k = 0; table && k + 8 <= max; k += 8) {
		u64 to;

		memcpy(&to, table + k, sizeof(to));
		if (!in_fn(w->f, to))
			break;
		add_succ(w, i, to);
	}
}

static bool goes_on(const struct image *img, const struct insn *i)
{
	const struct fn *callee;

	if (i->flow == FLOW_JCC || i->flow == FLOW_PLAIN || i->flow == FLOW_CALL_IND)
		return true;
	if (i->flow != FLOW_CALL)
		return false;
	callee = image_fn_at(img, i->target);
	return !callee || !callee->noreturn;
}

static bool spoil(struct fn *f, u64 addr, const char *rule, const char *what)
{
	problem(addr, rule, NULL, "%s()+0x%lx: %s", f->name, (unsigned long)(addr - f->addr), what);
	f->spoilt = true;
	return false;
}

/* One instruction; false if the walk can't go on behind it. */
static bool add_insn(struct walk *w, u64 addr)
{
	struct fn *f = w->f;
	struct decoded d;
	struct insn i = { .addr = addr, .pred = -1, .choice = -1 };
	const struct note *notes;
	u64 at = addr - f->addr;

	if (w->bytes[at] == 2)
		return spoil(f, addr, "overlap", "control reaches the middle of an instruction");
	if (!decode(w->img, addr, f->addr + f->size, &d))
		return spoil(f, addr, "undecodable", "no such instruction");
	for (unsigned k = 1; k < d.i.length; k++) {
		if (w->bytes[at + k] == 1)
			return spoil(f, addr, "overlap", "control reaches the middle of an instruction");
		w->bytes[at + k] = 2;
	}
	w->bytes[at] = 1;
	i.len = d.i.length;
	i.flow = flow_of(&d, addr, &i.target);
	i.stack = stack_of(&d, &i.n);
	i.has_note = image_notes_at(w->img, addr, &notes) != 0;
	i.first_succ = f->nr_succs;
	if (i.flow == FLOW_JMP_IND)
		follow_table(w, &d, &i);
	for (size_t k = 0; k < w->img->nr_branches; k++)
		if (w->img->branches[k].insn == addr && in_fn(f, w->img->branches[k].to))
			add_succ(w, &i, w->img->branches[k].to);
	if ((i.flow == FLOW_JCC || i.flow == FLOW_JMP) && in_fn(f, i.target))
		later(w, i.target);
	GROW(f->insns, f->nr_insns);
	f->insns[f->nr_insns++] = i;
	return goes_on(w->img, &i);
}

static void follow(struct walk *w, u64 addr)
{
	while (in_fn(w->f, addr) && w->bytes[addr - w->f->addr] != 1) {
		if (!add_insn(w, addr))
			return;
		addr += w->f->insns[w->f->nr_insns - 1].len;
	}
	if (!in_fn(w->f, addr))
		problem(addr - 1, "falls-through", NULL, "%s() falls through its end", w->f->name);
}

static int insn_order(const void *a, const void *b)
{
	const struct insn *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* What control doesn't reach should be padding, or we don't know how it is reached. */
static void check_unreached(struct walk *w)
{
	struct fn *f = w->f;

	for (u64 at = 0; at < f->size;) {
		u64 end = at;
		struct decoded d;
		size_t max = MAX_LENGTH;

		if (w->bytes[at]) {
			at++;
			continue;
		}
		while (end < f->size && !w->bytes[end])
			end++;
		if (end - at == 1 && *image_bytes(w->img, f->addr + at, &max) == 0)
			return;
		if (!decode(w->img, f->addr + at, f->addr + end, &d) ||
		    !is_padding(&d, image_bytes(w->img, f->addr + at, &max))) {
			problem(f->addr + at, "unreached", NULL,
				"%s()+0x%lx is reached by no path that can be followed, and is no padding",
				f->name, at);
			return;
		}
		at += d.i.length;
	}
}

static void add_entries(struct walk *w)
{
	const char *label;

	for (size_t n = 0; (label = listed_by_address(w->f->name, n)); n++)
		for (size_t i = 0; i < w->img->nr_labels; i++)
			if (strcmp(w->img->labels[i].name, label) == 0) {
				GROW(w->f->entries, w->f->nr_entries);
				w->f->entries[w->f->nr_entries++] = w->img->labels[i].addr;
				later(w, w->img->labels[i].addr);
			}
}

void decode_hidden(struct image *img, struct fn *f)
{
	struct walk w = { .img = img, .f = f, .bytes = xalloc(f->size + MAX_LENGTH) };

	later(&w, f->addr);
	add_entries(&w);
	while (w.nr_todo)
		follow(&w, w.todo[--w.nr_todo]);
	if (f->nr_insns)
		qsort(f->insns, f->nr_insns, sizeof(*f->insns), insn_order);
	if (!f->spoilt)
		check_unreached(&w);
	free(w.todo);
	free(w.bytes);
}

struct insn *insn_at(struct fn *f, u64 addr)
{
	struct insn key = { .addr = addr };

	return f->nr_insns ? bsearch(&key, f->insns, f->nr_insns, sizeof(key), insn_order) : NULL;
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

/* A number in visible code that is a hidden function's address: it may be called through a pointer. */
static void address_taken(struct image *img, const struct fn *by, u64 value)
{
	struct fn *f = image_fn_at(img, value);

	if (f && f->sec != SEC_TEXT && f->addr == value &&
	    (!f->taken_by || lines_in_tests(f->taken_by->addr)))
		f->taken_by = by;
}

static void visible_insn(struct image *img, const struct fn *by, u64 addr, const ZydisDecodedInstruction *i)
{
	u64 to = addr + i->length + (u64)i->raw.imm[0].value.s;
	struct fn *f;

	if (!i->raw.imm[0].is_relative) {
		if (i->raw.imm[0].size >= 32)
			address_taken(img, by, (u64)i->raw.imm[0].value.s);
		if (i->raw.disp.size == 32)
			address_taken(img, by, addr + i->length + (u64)i->raw.disp.value);
		return;
	}
	f = image_fn_at(img, to);
	if (!f || f->sec == SEC_TEXT)
		return;
	if (f->addr != to)
		problem(addr, "middle", by->name, "visible %s() goes into the middle of hidden %s()",
			by->name, f->name);
	if (!f->visible_caller || lines_in_tests(f->visible_caller->addr))
		f->visible_caller = by;
}

/* Visible functions are read from end to end: what isn't an instruction (tests have such) is stepped over. */
void decode_visible(struct image *img)
{
	for (size_t n = 0; n < img->nr_fns; n++) {
		const struct fn *f = &img->fns[n];
		ZydisDecodedInstruction i;

		if (f->sec != SEC_TEXT)
			continue;
		for (u64 addr = f->addr; addr < f->addr + f->size;) {
			size_t max = f->addr + f->size - addr;
			const u8 *bytes = image_bytes(img, addr, &max);

			if (!bytes ||
			    !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder(), NULL, bytes, max, &i))) {
				addr++;
				continue;
			}
			visible_insn(img, f, addr, &i);
			addr += i.length;
		}
	}
}
