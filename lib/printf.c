/*
 * Formatting as a stream of pieces to a callback: nothing is buffered but one number's digits, so it
 * runs on the small stack of a panic, in any context.
 */
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"

struct sink {
	format_emit_fn emit;
	void *arg;
	size_t total;
};

/* One conversion, as written between '%' and the conversion letter. */
struct spec {
	bool left, plus, space, alternate, zero;
	int width;
	int precision; /* -1: none given */
	char length;   /* 'h', 'H' for hh, 'l' for every 64-bit size, 0 */
	char letter;
};

static void put(struct sink *out, const char *text, size_t len)
{
	if (!len)
		return;
	out->emit(out->arg, text, len);
	out->total += len;
}

static void pad(struct sink *out, char c, long n)
{
	const char *run = c == '0' ? "0000000000000000" : "                ";

	for (; n > 16; n -= 16)
		put(out, run, 16);
	if (n > 0)
		put(out, run, n);
}

static void put_text(struct sink *out, const struct spec *spec, const char *text, size_t len)
{
	long room = (long)spec->width - (long)len;

	if (!spec->left)
		pad(out, ' ', room);
	put(out, text, len);
	if (spec->left)
		pad(out, ' ', room);
}

/* A number is: spaces, prefix (sign or 0x), zeros, digits, spaces. The digits are made from the last one
 * backwards. */
static void put_number(struct sink *out, const struct spec *spec, u64 value, unsigned base,
		       const char *prefix)
{
	const char *alphabet = spec->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[22]; /* 2^64 has 22 octal digits */
	char *first = digits + sizeof(digits);
	long prefix_len = prefix[0] ? (prefix[1] ? 2 : 1) : 0;
	long len, zeros, spaces;

	for (; value; value /= base)
		*--first = alphabet[value % base];
	len = digits + sizeof(digits) - first;

	zeros = (spec->precision < 0 ? 1 : spec->precision) - len;
	/* C: '#' makes an octal number start with 0, by precision, so never with a second one. */
	if (spec->letter == 'o' && spec->alternate && zeros < 1)
		zeros = 1;
	if (spec->precision < 0 && spec->zero && !spec->left)
		zeros = max(zeros, spec->width - prefix_len - len);
	spaces = spec->width - prefix_len - max(zeros, 0l) - len;

	if (!spec->left)
		pad(out, ' ', spaces);
	put(out, prefix, prefix_len);
	pad(out, '0', zeros);
	put(out, first, len);
	if (spec->left)
		pad(out, ' ', spaces);
}

static void put_signed(struct sink *out, const struct spec *spec, s64 value)
{
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, value < 0 ? -(u64)value : (u64)value, 10, sign);
}

static void put_unsigned(struct sink *out, const struct spec *spec, u64 value)
{
	bool hex = (spec->letter | 0x20) == 'x';
	const char *prefix = "";

	if (hex && spec->alternate && value)
		prefix = spec->letter == 'X' ? "0X" : "0x";
	put_number(out, spec, value, hex ? 16 : spec->letter == 'o' ? 8 : 10, prefix);
}

static void put_string(struct sink *out, const struct spec *spec, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(out, spec, text, spec->precision < 0 ? strlen(text) : strnlen(text, spec->precision));
}

/* Apart, so that only who prints a symbol pays the stack for it. */
static noinline void put_symbol(struct sink *out, const struct spec *spec, u64 addr, bool offset)
{
	char text[96];
	int len = sprint_symbol(text, sizeof(text), addr);
	const char *plus = offset ? NULL : strchr(text, '+');

	put_text(out, spec, text, plus ? (size_t)(plus - text) : min((size_t)len, sizeof(text) - 1));
}

static s64 signed_arg(char length, va_list *ap)
{
	if (length == 'l')
		return va_arg(*ap, s64);
	if (length == 'H')
		return (s8)va_arg(*ap, int);
	if (length == 'h')
		return (s16)va_arg(*ap, int);
	return va_arg(*ap, int);
}

static u64 unsigned_arg(char length, va_list *ap)
{
	if (length == 'l')
		return va_arg(*ap, u64);
	if (length == 'H')
		return (u8)va_arg(*ap, unsigned);
	if (length == 'h')
		return (u16)va_arg(*ap, unsigned);
	return va_arg(*ap, unsigned);
}

static const char *parse_flags(struct spec *spec, const char *p)
{
	for (;; p++) {
		switch (*p) {
		case '-':
			spec->left = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '#':
			spec->alternate = true;
			break;
		case '0':
			spec->zero = true;
			break;
		default:
			return p;
		}
	}
}

/* Digits or '*'. Digits stop counting before an int overflows. */
static const char *parse_count(int *count, const char *p, va_list *ap)
{
	if (*p == '*') {
		*count = va_arg(*ap, int);
		return p + 1;
	}
	for (*count = 0; isdigit(*p); p++)
		if (*count < 100000000)
			*count = *count * 10 + (*p - '0');
	return p;
}

static const char *parse_length(struct spec *spec, const char *p)
{
	switch (*p) {
	case 'h':
		spec->length = p[1] == 'h' ? 'H' : 'h';
		return p + (p[1] == 'h' ? 2 : 1);
	case 'l':
		spec->length = 'l';
		return p + (p[1] == 'l' ? 2 : 1);
	case 'z':
	case 't':
		spec->length = 'l';
		return p + 1;
	}
	return p;
}

/* @p behind the '%'; returns the place of the conversion letter. */
static const char *parse_spec(struct spec *spec, const char *p, va_list *ap)
{
	*spec = (struct spec){ .precision = -1 };
	p = parse_flags(spec, p);
	p = parse_count(&spec->width, p, ap);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = spec->width == INT32_MIN ? INT32_MAX : -spec->width;
	}
	if (*p == '.')
		p = parse_count(&spec->precision, p + 1, ap);
	p = parse_length(spec, p);
	spec->letter = *p;
	return p;
}

/* @p at the conversion letter. Returns what follows the conversion, or NULL when there is no such letter. */
static const char *convert(struct sink *out, struct spec *spec, const char *p, va_list *ap)
{
	char c;

	switch (spec->letter) {
	case 'd':
	case 'i':
		put_signed(out, spec, signed_arg(spec->length, ap));
		return p + 1;
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		put_unsigned(out, spec, unsigned_arg(spec->length, ap));
		return p + 1;
	case 'p':
		if (p[1] == 'S' || p[1] == 's') {
			put_symbol(out, spec, va_arg(*ap, u64), p[1] == 'S');
			return p + 2;
		}
		put_number(out, spec, va_arg(*ap, u64), 16, "0x");
		return p + 1;
	case 'c':
		c = va_arg(*ap, int);
		put_text(out, spec, &c, 1);
		return p + 1;
	case 's':
		put_string(out, spec, va_arg(*ap, const char *));
		return p + 1;
	case '%':
		put(out, "%", 1);
		return p + 1;
	}
	return NULL;
}

int vformat(format_emit_fn emit, void *arg, const char *fmt, va_list ap)
{
	struct sink out = { .emit = emit, .arg = arg };
	struct spec spec;
	va_list args;

	va_copy(args, ap);
	while (*fmt) {
		const char *start = fmt, *letter;

		if (*fmt != '%') {
			while (*fmt && *fmt != '%')
				fmt++;
			put(&out, start, fmt - start);
			continue;
		}
		letter = parse_spec(&spec, start + 1, &args);
		fmt = convert(&out, &spec, letter, &args);
		if (!fmt) {
			/* What cannot be converted is shown as it stands. */
			fmt = letter + (*letter != '\0');
			put(&out, start, fmt - start);
		}
	}
	va_end(args);
	return (int)out.total;
}

struct buffer {
	char *next;
	size_t room; /* without the terminator's byte */
};

static void emit_to_buffer(void *arg, const char *text, size_t len)
{
	struct buffer *b = arg;

	len = min(len, b->room);
	memcpy(b->next, text, len);
	b->next += len;
	b->room -= len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct buffer b = { .next = buf, .room = size ? size - 1 : 0 };
	int total = vformat(emit_to_buffer, &b, fmt, ap);

	if (size)
		*b.next = '\0';
	return total;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int total;

	va_start(ap, fmt);
	total = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return total;
}
