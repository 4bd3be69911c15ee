/* Conditions on fields: a recursive descent puts what joins answers behind them, and so a word of bits is stack enough. */
#include "ftrace/event_filter.h"

#include "abi/errno.h"
#include "lib/glob.h"
#include "lib/string.h"

/* A comparison's kind says which orders it is true of. */
enum kind { LESS = 1, EQUAL = 2, GREATER = 4, AND = 8, GLOB = 16, NOT = 32, BOTH = 64, EITHER = 128 };
/* Longer ones first, where one begins with another. */
static const struct {
	char text[3];
	u8 kind;
} operators[] = {
	{ "==", EQUAL },	   { "!=", LESS | GREATER }, { "<=", LESS | EQUAL }, { "<", LESS },
	{ ">=", GREATER | EQUAL }, { ">", GREATER },	     { "&", AND },	     { "~", GLOB },
};

const struct event_field event_common_fields[] = {
	{ "unsigned short", "common_type", 0, 2, false, false, false, 0 },
	{ "unsigned char", "common_flags", 2, 1, false, false, false, 0 },
	{ "unsigned char", "common_preempt_count", 3, 1, false, false, false, 0 },
	{ "int", "common_pid", 4, 4, true, false, false, 0 },
	{},
};

/* Of every event, but in no record: so they have no size. */
static const struct event_field computed_fields[] = {
	{ "int", "cpu", 0, 0, true, false, false, 0 },
	{ "int", "CPU", 0, 0, true, false, false, 0 },
	{ "char", "comm", 0, 0, true, true, false, 0 },
	{ "char", "COMM", 0, 0, true, true, false, 0 },
	{},
};

static const struct event_field *find_in(const struct event_field *f, const char *name, size_t len)
{
	for (; f->name; f++)
		if (str_is(name, len, f->name))
			return f;
	return NULL;
}

const struct event_field *event_field_find(const struct event_field *fields, const char *name, size_t len)
{
	return find_in(fields, name, len) ?: find_in(event_common_fields, name, len);
}

struct parser {
	struct event_filter *f;
	const struct event_field *fields;
	const char *text; /* NUL-terminated */
	size_t at, nesting;
	const char *why;
};

static bool bad(struct parser *p, size_t at, const char *why)
{
	p->at = at;
	p->why = why;
	return false;
}

static void skip_space(struct parser *p)
{
	while (isspace(p->text[p->at]))
		p->at++;
}

static bool take(struct parser *p, const char *word)
{
	skip_space(p);
	if (!str_has_prefix(p->text + p->at, word))
		return false;
	p->at += strlen(word);
	return true;
}

static struct filter_op *emit(struct parser *p, u8 kind)
{
	struct filter_op *op = &p->f->ops[p->f->nr_ops];

	if (p->f->nr_ops == FILTER_OPS_MAX) {
		bad(p, p->at, "Too many terms in predicate expression");
		return NULL;
	}
	p->f->nr_ops++;
	*op = (struct filter_op){ .kind = kind };
	return op;
}

static bool take_number(struct parser *p, struct filter_op *op)
{
	size_t start = p->at, digits;
	bool minus = p->text[start] == '-';
	u64 limit = op->is_signed ? ~0ull >> 1 : ~0ull;

	digits = start + minus;
	for (p->at = digits; isalnum(p->text[p->at]); p->at++)
		;
	if (!parse_u64(p->text + digits, p->at - digits, 0, &op->value) || (minus && !op->is_signed) ||
	    op->value > limit + minus)
		return bad(p, start, "Illegal integer value");
	if (minus)
		op->value = -op->value;
	return true;
}

static bool take_string(struct parser *p, struct filter_op *op)
{
	size_t start = p->at + 1;
	const char *end = strchr(p->text + start, p->text[p->at]);

	if (!end)
		return bad(p, p->at, "Missing matching quote");
	op->length = (u16)(end - p->text - start);
	if (op->length >= FILTER_OPERAND_MAX)
		return bad(p, start, "Operand too long");
	op->value = start;
	p->at = start + op->length + 1;
	return true;
}

static bool take_operand(struct parser *p, struct filter_op *op)
{
	char c = p->text[p->at];
	bool quoted = c == '"' || c == '\'';

	if (!quoted && !isdigit(c) && c != '-')
		return bad(p, p->at, "Invalid value (did you forget quotes)?");
	if (quoted != op->is_string)
		return bad(p, p->at, quoted ? "Expecting numeric field" : "Expecting string field");
	return quoted ? take_string(p, op) : take_number(p, op);
}

/* 0: none. */
static u8 take_operator(struct parser *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (take(p, operators[i].text))
			return operators[i].kind;
	return 0;
}

/* FIELD OPERATOR OPERAND */
static bool take_comparison(struct parser *p)
{
	size_t start = p->at, at_operator;
	const struct event_field *field;
	struct filter_op *op;
	u8 kind;

	while (isalnum(p->text[p->at]) || p->text[p->at] == '_')
		p->at++;
	if (p->at == start)
		return bad(p, start, p->text[start] == ')' ? "Too few '('" : "Meaningless filter expression");
	field = event_field_find(p->fields, p->text + start, p->at - start)
			?: find_in(computed_fields, p->text + start, p->at - start);
	skip_space(p);
	at_operator = p->at;
	if (!field)
		return bad(p, at_operator, "Field not found");
	kind = take_operator(p);
	if (!kind)
		return bad(p, at_operator, "Invalid operator");
	if (field->count ||
	    (field->is_string ? kind != EQUAL && kind != (LESS | GREATER) && kind != GLOB : kind == GLOB))
		return bad(p, at_operator, "Illegal operation for field type");
	op = emit(p, kind);
	if (!op)
		return false;
	op->offset = field->offset;
	op->size = (u8)field->size;
	op->is_signed = field->is_signed;
	op->is_string = field->is_string;
	op->is_dynamic = field->is_dynamic;
	skip_space(p);
	return take_operand(p, op);
}

static bool take_any(struct parser *p);

/* "!" as often as one likes, and a comparison or parentheses. */
static bool take_one(struct parser *p)
{
	bool negated = false;
	size_t open;

	while (take(p, "!"))
		negated = !negated;
	if (take(p, "(")) {
		open = p->at - 1;
		if (++p->nesting > FILTER_NESTING_MAX)
			return bad(p, open, "Too many '('");
		if (!take_any(p))
			return false;
		if (!take(p, ")"))
			return bad(p, open, "Too many '('");
		p->nesting--;
	} else if (!take_comparison(p)) {
		return false;
	}
	return !negated || emit(p, NOT);
}

/* One or more with @word between them. */
static bool take_chain(struct parser *p, bool (*part)(struct parser *p), const char *word, u8 join)
{
	bool good = part(p);

	while (good && take(p, word))
		good = part(p) && emit(p, join);
	return good;
}

static bool take_all(struct parser *p) { return take_chain(p, take_one, "&&", BOTH); }
static bool take_any(struct parser *p) { return take_chain(p, take_all, "||", EITHER); }

static bool take_whole(struct parser *p)
{
	skip_space(p);
	if (!p->text[p->at])
		return bad(p, p->at, "No filter found");
	if (!take_any(p))
		return false;
	skip_space(p);
	if (p->text[p->at])
		return bad(p, p->at, p->text[p->at] == ')' ? "Too few '('" : "Meaningless filter expression");
	return true;
}

int event_filter_parse(struct event_filter *f, const struct event_field *fields, const char *text, size_t len,
		       const char **why, size_t *at)
{
	struct parser p = { .f = f, .fields = fields, .text = f->text };
	bool good;

	f->nr_ops = 0;
	memcpy(f->text, text, len);
	f->text[len] = '\0';
	if (memchr(text, '\0', len))
		good = bad(&p, strlen(f->text), "Meaningless filter expression");
	else
		good = take_whole(&p);
	*why = p.why;
	*at = p.at;
	return good ? 0 : -EINVAL;
}

u64 event_field_value(const void *field, size_t size, bool is_signed)
{
	u32 unused = 64 - 8 * (u32)size;
	u64 v = 0;

	memcpy(&v, field, size);
	return is_signed ? (u64)((s64)(v << unused) >> unused) : v;
}

/* With the topmost bit turned, signed numbers have the order of unsigned ones. */
static bool compare(const struct filter_op *op, u64 v)
{
	u64 turn = (u64)op->is_signed << 63, left = v ^ turn, right = op->value ^ turn;

	if (op->kind == AND)
		return v & op->value;
	return op->kind & (left < right ? LESS : left == right ? EQUAL : GREATER);
}

static bool glob_field(const char *pattern, size_t len, const char *s, size_t size)
{
	char word[FILTER_OPERAND_MAX], whole[FILTER_OPERAND_MAX];

	memcpy(word, pattern, len);
	memcpy(whole, s, size);
	word[len] = whole[size] = '\0';
	return glob_match(word, whole);
}

/* @s needn't end within its @size bytes. */
static bool compare_string(const struct filter_op *op, const char *word, const char *s, size_t size)
{
	size_t len = strnlen(s, min(size, (size_t)FILTER_OPERAND_MAX - 1));

	if (op->kind == GLOB)
		return glob_field(word, op->length, s, len);
	return op->kind & (len == op->length && memcmp(s, word, len) == 0 ? EQUAL : LESS);
}

bool event_filter_match(const struct event_filter *f, const void *record, const char *comm, u32 cpu)
{
	u64 answers = 1; /* the last one in bit 0 */

	for (const struct filter_op *op = f->ops; op < f->ops + f->nr_ops; op++) {
		const char *field = op->size ? (const char *)record + op->offset : comm;
		size_t size = op->size ?: COMM_SIZE;

		if (op->is_dynamic)
			field = event_field_string(record, field, &size);
		if (op->kind == NOT)
			answers ^= 1;
		else if (op->kind == BOTH)
			answers = answers >> 1 & (answers | ~1ul);
		else if (op->kind == EITHER)
			answers = answers >> 1 | (answers & 1);
		else if (op->is_string)
			answers = answers << 1 | compare_string(op, f->text + op->value, field, size);
		else
			answers = answers << 1 |
				  compare(op,
					  op->size ? event_field_value(field, op->size, op->is_signed) : cpu);
	}
	return answers & 1;
}
