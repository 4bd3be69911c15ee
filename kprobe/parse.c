/* The words of a probe definition, in Linux's syntax, taken apart with the column of what is wrong. */
#include "abi/errno.h"
#include "kprobe/event.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"

struct cursor {
	const char *line;
	size_t at;
	const char **why;
};

static int bad(struct cursor *c, size_t at, const char *why, int err)
{
	c->at = at;
	*c->why = why;
	return -err;
}

static bool name_char(char ch, bool first) { return isalpha(ch) || ch == '_' || (!first && isdigit(ch)); }

/* Copies the name that ends before one of @stops, or at white space. */
static int take_name(struct cursor *c, char *out, size_t size, const char *stops)
{
	size_t start = c->at, n = 0;

	while (c->line[c->at] && !isspace(c->line[c->at]) && !strchr(stops, c->line[c->at])) {
		if (!name_char(c->line[c->at], n == 0))
			return bad(c, c->at, "Event or group name must follow the same naming rules as C",
				   EINVAL);
		if (n == size - 1)
			return bad(c, start, "Event or group name is too long", EINVAL);
		out[n++] = c->line[c->at++];
	}
	out[n] = 0;
	return n ? 0 : bad(c, start, "Event name is not specified", EINVAL);
}

static int take_event_name(struct cursor *c, struct probe_event *e)
{
	int err;

	strscpy(e->group, "kprobes", sizeof(e->group));
	if (c->line[c->at] != ':')
		return 0;
	c->at++;
	err = take_name(c, e->name, sizeof(e->name), "/");
	if (err || c->line[c->at] != '/')
		return err;
	strscpy(e->group, e->name, sizeof(e->group));
	c->at++;
	return take_name(c, e->name, sizeof(e->name), "");
}

/* Length of the word at the cursor, up to white space. */
static size_t word_length(const struct cursor *c)
{
	size_t n = 0;

	while (c->line[c->at + n] && !isspace(c->line[c->at + n]))
		n++;
	return n;
}

static int take_symbol(struct cursor *c, struct probe_event *e, size_t len)
{
	const char *word = c->line + c->at, *plus = memchr(word, '+', len);
	size_t n = plus ? (size_t)(plus - word) : len;
	struct symbol sym;
	unsigned matches;

	if (n >= sizeof(e->symbol))
		return bad(c, c->at, "Symbol name is too long", EINVAL);
	memcpy(e->symbol, word, n);
	e->symbol[n] = 0;
	if (!symtab_find_name(&kernel_symtab, e->symbol, &sym, &matches))
		return bad(c, c->at, "Invalid probed address or symbol", ENOENT);
	if (matches > 1)
		return bad(c, c->at, "The symbol is not unique: give an address", EADDRNOTAVAIL);
	if (plus && !parse_u64(plus + 1, len - n - 1, 0, &e->offset))
		return bad(c, c->at + n, "Invalid offset", EINVAL);
	if (e->offset >= sym.size)
		return bad(c, c->at + n, "Offset is beyond the function's end", EINVAL);
	e->probe.addr = sym.start + e->offset;
	return 0;
}

static int take_place(struct cursor *c, struct probe_event *e)
{
	size_t len;

	while (isspace(c->line[c->at]))
		c->at++;
	len = word_length(c);
	if (!len)
		return bad(c, c->at, "No probe point is given", EINVAL);
	if (isdigit(c->line[c->at])) {
		if (!parse_u64(c->line + c->at, len, 0, &e->probe.addr))
			return bad(c, c->at, "Invalid probed address or symbol", EINVAL);
		return 0;
	}
	return take_symbol(c, e, len);
}

static void default_name(struct probe_event *e)
{
	if (e->name[0])
		return;
	if (e->symbol[0])
		snprintf(e->name, sizeof(e->name), "p_%s_%lu", e->symbol, e->offset);
	else
		snprintf(e->name, sizeof(e->name), "p_0x%016lx", e->probe.addr);
	for (char *p = e->name; *p; p++) /* a clone's name has dots */
		if (!name_char(*p, false))
			*p = '_';
}

int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why)
{
	struct cursor c = { line, 1, why };
	size_t place, end;
	int err = 0;

	if (line[0] == 'r')
		err = bad(&c, 0, "Return probes are not supported", EINVAL);
	else if (line[0] != 'p')
		err = bad(&c, 0, "Unknown probe type", EINVAL);
	if (!err)
		err = take_event_name(&c, e);
	if (!err && line[c.at] && !isspace(line[c.at]))
		err = bad(&c, c.at, "Unknown probe type", EINVAL);
	if (!err)
		err = take_place(&c, e);
	if (!err) {
		place = c.at;
		c.at += word_length(&c);
		for (end = c.at; isspace(line[end]); end++)
			;
		c.at = place;
		if (line[end])
			err = bad(&c, end, "Fetch arguments are not supported", EINVAL);
	}
	if (!err)
		default_name(e);
	*column = c.at;
	return err;
}
