/* The types that a probe event's arguments can have, and how each is written. */
#include "kprobe/fetch.h"

#include "abi/errno.h"
#include "lib/string.h"

/* clang-format off */
#define NUMBERS(bits, size, l)                                   \
	{ "u" #bits, "u" #bits, "%" l "u", size, 'u' },          \
	{ "s" #bits, "s" #bits, "%" l "d", size, 'd' },          \
	{ "x" #bits, "u" #bits, "0x%" l "x", size, 'x' }
/* clang-format on */

static const struct fetch_type types[] = {
	NUMBERS(8, 1, ""),
	NUMBERS(16, 2, ""),
	NUMBERS(32, 4, ""),
	NUMBERS(64, 8, "L"),
	{ "symbol", "u64", "%pS", 8, 'S' },
	{ "string", "__data_loc char[]", "\\\"%s\\\"", 4, 's' },
	{ "ustring", "__data_loc char[]", "\\\"%s\\\"", 4, 's' },
};

const struct fetch_type *fetch_type_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_is(name, len, types[i].name))
			return &types[i];
	return NULL;
}

/* The number at *@at, which stops before @end or a @stop; *@at is then behind it. False: none. */
static bool take_number(const char *line, size_t *at, size_t end, char stop, u64 *out)
{
	size_t start = *at;

	while (*at < end && line[*at] != stop)
		++*at;
	return parse_u64(line + start, *at - start, 10, out);
}

/* b<width>@<offset>/<size>: the container is shifted up, and then down, so that nothing else is left. */
static int take_bit_field(struct probe_text *t, size_t end, struct probe_arg *a)
{
	size_t at = t->at + 1;
	u64 width, offset, bits = 0;
	bool good = take_number(t->line, &at, end, '@', &width) && at++ < end;

	good = good && take_number(t->line, &at, end, '/', &offset) && at++ < end;
	if (!good || !take_number(t->line, &at, end, '[', &bits) || at != end)
		return probe_bad(t, t->at, "Invalid bitfield", EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].style == 'u' && types[i].size * 8u == bits)
			a->type = &types[i];
	if (!a->type)
		return probe_bad(t, t->at, "Unknown type is specified", EINVAL);
	if (!width || width > bits || offset > bits - width)
		return probe_bad(t, t->at, "Invalid bitfield", EINVAL);
	a->shift_left = (u8)(bits - width - offset);
	a->shift_right = (u8)(bits - width);
	return 0;
}

int fetch_parse_type(struct probe_text *t, size_t end, struct probe_arg *a)
{
	const char *name = t->line + t->at;

	if (name[0] == 'b')
		return take_bit_field(t, end, a);
	a->type = fetch_type_find(name, end - t->at);
	a->user_text = a->type && a->type->name[0] == 'u' && a->type->style == 's';
	return a->type ? 0 : probe_bad(t, t->at, "Unknown type is specified", EINVAL);
}

static void print_value(struct seq *out, const struct fetch_type *type, const u8 *record, const u8 *value)
{
	u32 unused = 64 - 8u * type->size, place;
	u64 v = 0;

	memcpy(&v, value, type->size);
	place = (u32)v;
	switch (type->style) {
	case 'd':
		seq_printf(out, "%ld", (s64)(v << unused) >> unused);
		break;
	case 'u':
		seq_printf(out, "%lu", v);
		break;
	case 'x':
		seq_printf(out, "0x%lx", v);
		break;
	case 'S':
		seq_printf(out, "%pS", (void *)v);
		break;
	default: /* of one that couldn't be read not even the end is there */
		if (place >> 16)
			seq_printf(out, "\"%s\"", (const char *)record + (place & 0xffff));
		else
			seq_puts(out, "(fault)");
	}
}

void fetch_print(struct seq *out, const struct probe_arg *a, const u8 *record)
{
	const u8 *value = record + a->offset;

	seq_printf(out, " %s=%s", a->name, a->count ? "{" : "");
	print_value(out, a->type, record, value);
	for (unsigned i = 1; i < a->count; i++) {
		seq_putc(out, ',');
		print_value(out, a->type, record, value + i * a->type->size);
	}
	if (a->count)
		seq_putc(out, '}');
}

void fetch_print_format(struct seq *out, const struct probe_arg *a)
{
	seq_printf(out, " %s=%s%s", a->name, a->count ? "{" : "", a->type->fmt);
	for (unsigned i = 1; i < a->count; i++)
		seq_printf(out, ",%s", a->type->fmt);
	if (a->count)
		seq_putc(out, '}');
}

void fetch_print_operands(struct seq *out, const struct probe_arg *a)
{
	for (unsigned i = 0; i < (a->count ?: 1); i++) {
		seq_printf(out, fetch_is_string(a) ? ", __get_str(%s" : ", REC->%s", a->name);
		if (a->count)
			seq_printf(out, "[%u]", i);
		if (fetch_is_string(a))
			seq_putc(out, ')');
	}
}
