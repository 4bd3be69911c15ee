/* An argument of a probe event, FETCH[:TYPE], becomes a program: the innermost first, what is behind it last. */
#include "abi/errno.h"
#include "kprobe/fetch.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define STACK_MAX 2048 /* words of the stack that can be asked for */

static const struct {
	char name[8];
	u8 offset;
} registers[] = {
#define REGISTER(name)                                \
	{                                             \
#name, offsetof(struct pt_regs, name) \
	}
#define ALIAS(name, of)                             \
	{                                           \
#name, offsetof(struct pt_regs, of) \
	}
	REGISTER(r15),	      REGISTER(r14),  REGISTER(r13),  REGISTER(r12),  REGISTER(r11),
	REGISTER(r10),	      REGISTER(r9),   REGISTER(r8),   REGISTER(bx),   REGISTER(cx),
	REGISTER(dx),	      REGISTER(si),   REGISTER(di),   REGISTER(bp),   REGISTER(ax),
	REGISTER(ip),	      REGISTER(cs),   REGISTER(sp),   REGISTER(ss),   REGISTER(flags),
	ALIAS(rax, ax),	      ALIAS(rbx, bx), ALIAS(rcx, cx), ALIAS(rdx, dx), ALIAS(rsi, si),
	ALIAS(rdi, di),	      ALIAS(rbp, bp), ALIAS(rsp, sp), ALIAS(rip, ip), ALIAS(rflags, flags),
	ALIAS(eflags, flags),
};

/* The registers that a function's first arguments come in (the System V ABI for AMD64, 3.2.3). */
static const u8 argument_registers[] = {
	offsetof(struct pt_regs, di), offsetof(struct pt_regs, si), offsetof(struct pt_regs, dx),
	offsetof(struct pt_regs, cx), offsetof(struct pt_regs, r8), offsetof(struct pt_regs, r9),
};

static int emit(struct probe_text *t, size_t at, struct probe_arg *a, u8 kind, u64 value)
{
	if (a->nr_ops == FETCH_OPS_MAX)
		return probe_bad(t, at, "Dereference is too much nested", EINVAL);
	a->ops[a->nr_ops++] = (struct fetch_op){ kind, value };
	return 0;
}

static int take_register(struct probe_text *t, size_t at, size_t end, struct probe_arg *a)
{
	const char *name = t->line + at + 1;
	size_t len = end - at - 1;

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		if (str_is(name, len, registers[i].name))
			return emit(t, at, a, FETCH_REG, registers[i].offset);
	if (str_is(name, len, "orig_ax")) /* as it is outside of system calls */
		return emit(t, at, a, FETCH_IMM, ~0ul);
	return probe_bad(t, at, "Invalid register name", EINVAL);
}

static int take_stack_word(struct probe_text *t, size_t at, struct probe_arg *a, u64 n)
{
	return emit(t, at, a, FETCH_REG, offsetof(struct pt_regs, sp))
		       ?: emit(t, at, a, FETCH_LOAD, n * sizeof(u64));
}

static int no_variable(struct probe_text *t, size_t at)
{
	return probe_bad(t, at, "Invalid $-valiable specified", EINVAL);
}

/* $argN; behind the registers' are those on the stack, above the return address. */
static int take_argument(struct probe_text *t, size_t at, const char *digits, size_t len, struct probe_arg *a)
{
	u64 n;

	if (!parse_u64(digits, len, 10, &n))
		return no_variable(t, at);
	if (!n || n > STACK_MAX)
		return probe_bad(t, at, "Invalid argument number", EINVAL);
	if (n <= ARRAY_SIZE(argument_registers))
		return emit(t, at, a, FETCH_REG, argument_registers[n - 1]);
	return take_stack_word(t, at, a, n - ARRAY_SIZE(argument_registers));
}

static int take_variable(struct probe_text *t, size_t at, size_t end, struct probe_arg *a, unsigned place)
{
	const char *name = t->line + at + 1;
	size_t len = end - at - 1;
	u64 n;

	if (str_is(name, len, "retval")) {
		if (!(place & FETCH_RETURN))
			return probe_bad(t, at, "$retval is not available on probe", EINVAL);
		return emit(t, at, a, FETCH_REG, offsetof(struct pt_regs, ax));
	}
	if (str_is(name, len, "comm") || str_is(name, len, "COMM"))
		return emit(t, at, a, FETCH_COMM, 0);
	if (str_is(name, len, "stack"))
		return emit(t, at, a, FETCH_REG, offsetof(struct pt_regs, sp));
	if (len > 5 && memcmp(name, "stack", 5) == 0 && isdigit(name[5])) {
		if (!parse_u64(name + 5, len - 5, 10, &n))
			return no_variable(t, at);
		if (n > STACK_MAX)
			return probe_bad(t, at, "Invalid stack number", EINVAL);
		return take_stack_word(t, at, a, n);
	}
	if (len >= 3 && memcmp(name, "arg", 3) == 0 && place & FETCH_ENTRY)
		return take_argument(t, at, name + 3, len - 3, a);
	return no_variable(t, at);
}

/* @+OFF, in the program's file. */
static int take_file_offset(struct probe_text *t, size_t at, size_t end, u64 *addr)
{
	u64 offset;

	if (!t->file)
		return probe_bad(t, at, "File offset is not available with kprobe", EINVAL);
	if (!parse_u64(t->line + at + 2, end - at - 2, 0, &offset))
		return probe_bad(t, at + 1, "Invalid file offset", EINVAL);
	return t->file->address(t->file, offset, addr)
		       ? 0
		       : probe_bad(t, at + 1, "The program has nothing of that in memory", EINVAL);
}

/* @ADDR, @+OFF, @SYM[+|-OFF] */
static int take_memory(struct probe_text *t, size_t at, size_t end, struct probe_arg *a)
{
	const char *text = t->line + at + 1;
	size_t len = end - at - 1, n = 0;
	u64 addr, offset = 0;
	int err;

	if (len && text[0] == '+') {
		err = take_file_offset(t, at, end, &addr);
		if (err)
			return err;
	} else if (len && isdigit(text[0])) {
		if (!parse_u64(text, len, 0, &addr))
			return probe_bad(t, at, "Invalid memory address", EINVAL);
	} else if (t->file) {
		return probe_bad(t, at, "Symbol is not available with uprobe", EINVAL);
	} else {
		while (n < len && text[n] != '+' && text[n] != '-')
			n++;
		if (!n || (n < len && !parse_u64(text + n + 1, len - n - 1, 0, &offset)) ||
		    !probe_symbol(text, n, &addr))
			return probe_bad(t, at, "Invalid memory address", EINVAL);
		addr += n < len && text[n] == '-' ? -offset : offset;
	}
	a->memory = true;
	return emit(t, at, a, FETCH_IMM, addr) ?: emit(t, at, a, FETCH_LOAD, 0);
}

/* \NUMBER, \"string" */
static int take_immediate(struct probe_text *t, size_t at, size_t end, struct probe_arg *a)
{
	const char *text = t->line + at + 1;
	size_t len = end - at - 1, sign;
	u64 v;

	if (len && text[0] == '"') {
		if (len < 2 || text[len - 1] != '"')
			return probe_bad(t, end, "String is not closed with '\"'", EINVAL);
		strscpy(a->string, text + 1, len - 1);
		return emit(t, at, a, FETCH_TEXT, 0);
	}
	sign = len && (text[0] == '-' || text[0] == '+');
	if (!parse_u64(text + sign, len - sign, 0, &v) || (sign && v > ~0ul >> 1))
		return probe_bad(t, at + 1, "Invalid immediate value", EINVAL);
	return emit(t, at, a, FETCH_IMM, text[0] == '-' ? -v : v);
}

static int take_value(struct probe_text *t, size_t at, size_t end, struct probe_arg *a, unsigned place);

/* [+|-][u]OFFSET(FETCH) */
static int take_dereference(struct probe_text *t, size_t at, size_t end, struct probe_arg *a, unsigned place)
{
	size_t number = at + 1 + (t->line[at + 1] == 'u'), open = number, close = end;
	u64 offset;
	u8 inner;
	int err;

	while (open < end && t->line[open] != '(')
		open++;
	if (open >= end)
		return probe_bad(t, at, "Dereference needs a brace", EINVAL);
	if (!parse_u64(t->line + number, open - number, 0, &offset) || offset > ~0ul >> 1)
		return probe_bad(t, at, "Invalid dereference offset", EINVAL);
	while (close > open && t->line[close - 1] != ')')
		close--;
	if (close == open)
		return probe_bad(t, end, "Dereference brace is not closed", EINVAL);
	if (close != end)
		return probe_bad(t, close, "Invalid fetch argument", EINVAL);
	err = take_value(t, open + 1, end - 1, a, place);
	if (err)
		return err;
	inner = a->ops[a->nr_ops - 1].kind;
	if (inner == FETCH_COMM || inner == FETCH_TEXT)
		return probe_bad(t, open + 1, "$comm can not be dereferenced", EINVAL);
	a->memory = true;
	return emit(t, at, a, number > at + 1 ? FETCH_ULOAD : FETCH_LOAD,
		    t->line[at] == '-' ? -offset : offset);
}

static int take_value(struct probe_text *t, size_t at, size_t end, struct probe_arg *a, unsigned place)
{
	switch (at < end ? t->line[at] : 0) {
	case '%':
		return take_register(t, at, end, a);
	case '$':
		return take_variable(t, at, end, a, place);
	case '@':
		return take_memory(t, at, end, a);
	case '\\':
		return take_immediate(t, at, end, a);
	case '+':
	case '-':
		return take_dereference(t, at, end, a, place);
	default:
		return probe_bad(t, at, "Invalid fetch argument", EINVAL);
	}
}

/* [N] up to @end; the bracket is at @open. */
static int take_array(struct probe_text *t, size_t open, size_t end, struct probe_arg *a)
{
	const char *close = memchr(t->line + open, ']', end - open);
	size_t at = close ? (size_t)(close - t->line) : end;
	u64 n;

	if (!close)
		return probe_bad(t, end, "Array is not closed", EINVAL);
	if (at != end - 1)
		return probe_bad(t, at + 1, "Array has wrong suffix", EINVAL);
	if (!parse_u64(t->line + open + 1, at - open - 1, 0, &n) || !n)
		return probe_bad(t, open + 1, "Invalid array size", EINVAL);
	if (n > FETCH_ARRAY_MAX)
		return probe_bad(t, open + 1, "Array number is too big", EINVAL);
	a->count = (u8)n;
	return 0;
}

/* Where the colon before the type is, or @end: not one inside a string. */
static size_t find_colon(const char *line, size_t at, size_t end)
{
	const char *quote =
		str_has_prefix(line + at, "\\\"") ? memchr(line + at + 2, '"', end - at - 2) : NULL;
	const char *colon;

	at = quote ? (size_t)(quote - line) : at;
	colon = memchr(line + at, ':', end - at);
	return colon ? (size_t)(colon - line) : end;
}

static int take_type(struct probe_text *t, size_t start, size_t end, struct probe_arg *a)
{
	const char *bracket = memchr(t->line + start, '[', end - start);
	size_t open = bracket ? (size_t)(bracket - t->line) : end;

	t->at = start;
	return (bracket ? take_array(t, open, end, a) : 0) ?: (t->at = start, fetch_parse_type(t, open, a));
}

static void make_users(struct probe_arg *a)
{
	for (unsigned i = 0; i < a->nr_ops; i++)
		if (a->ops[i].kind == FETCH_LOAD)
			a->ops[i].kind = FETCH_ULOAD;
}

/* The last load is of the type's size, so it is left to who stores: he gets the address. */
static int finish(struct probe_text *t, size_t at, struct probe_arg *a, unsigned place)
{
	struct fetch_op *last = &a->ops[a->nr_ops - 1];
	bool text = last->kind == FETCH_COMM || last->kind == FETCH_TEXT;

	if (text && !a->type)
		a->type = fetch_type_find("string", 6);
	if (text && (!str_is("string", 6, a->type->name) || a->count))
		return probe_bad(t, at, "Unknown type is specified", EINVAL);
	if (!a->type)
		a->type = fetch_type_find("x64", 3);
	if ((fetch_is_string(a) && !a->memory && !text && last->kind != FETCH_IMM) ||
	    (a->count && !a->memory))
		return probe_bad(t, at, "String accepts only memory argument", EINVAL);
	if (a->memory) {
		a->user = last->kind == FETCH_ULOAD;
		last->kind = FETCH_ADD;
	}
	a->user_text |= a->user || (place & FETCH_USER && !text);
	a->size = (u16)(a->type->size * (a->count ?: 1));
	return 0;
}

int fetch_parse(struct probe_text *t, size_t end, struct probe_arg *a, unsigned place)
{
	size_t start = t->at, colon = find_colon(t->line, start, end), type = colon < end ? colon + 1 : start;
	int err = colon < end ? take_type(t, colon + 1, end, a) : 0;

	if (!err)
		err = take_value(t, start, colon, a, place);
	if (!err && place & FETCH_USER)
		make_users(a);
	return err ?: finish(t, type, a, place);
}
