/* Where a probe event's probe is to be: the names and numbers of a definition become an address. */
#include "abi/errno.h"
#include "kprobe/parse.h"
#include "lib/symtab.h"

/* A function, or with @data also a variable. */
static bool find_symbol(const char *name, size_t len, bool data, struct symbol *sym, unsigned *matches)
{
	char copy[EVENT_SYMBOL_MAX];
	bool found;

	*matches = 0;
	if (len >= sizeof(copy))
		return false;
	strscpy(copy, name, len + 1);
	found = symtab_find_name(&kernel_symtab, copy, sym, matches);
	return found || (data && symtab_find_name(&data_symtab, copy, sym, matches));
}

bool probe_symbol(const char *name, size_t len, u64 *addr)
{
	struct symbol sym;
	unsigned matches;

	if (!find_symbol(name, len, true, &sym, &matches) || matches > 1)
		return false;
	*addr = sym.start;
	return true;
}

static int take_symbol(struct probe_text *t, size_t at, size_t end, struct probe_event *e)
{
	const char *word = t->line + at, *plus = memchr(word, '+', end - at);
	size_t len = end - at, n = plus ? (size_t)(plus - word) : len;
	struct symbol sym;
	unsigned matches;

	if (n >= sizeof(e->symbol))
		return probe_bad(t, at, "Symbol name is too long", EINVAL);
	if (!find_symbol(word, n, e->kind == 'w', &sym, &matches))
		return probe_bad(t, at, "Invalid probed address or symbol", ENOENT);
	strscpy(e->symbol, word, n + 1);
	if (matches > 1)
		return probe_bad(t, at, "The symbol is not unique: give an address", EADDRNOTAVAIL);
	if (plus && !parse_u64(plus + 1, len - n - 1, 0, &e->offset))
		return probe_bad(t, at + n, "Invalid offset", EINVAL);
	if (e->offset >= sym.size)
		return probe_bad(t, at + n,
				 e->kind == 'w' ? "Offset is beyond the symbol's end"
						: "Offset is beyond the function's end",
				 EINVAL);
	e->addr = sym.start + e->offset;
	return 0;
}

/* Behind a watchpoint's place: the bytes watched, 8 unless said otherwise, and what for, reads and writes. */
static int take_watch(struct probe_text *t, size_t at, size_t end, struct probe_event *e)
{
	const char *access = at < end ? memchr(t->line + at + 1, ':', end - at - 1) : NULL;
	size_t split = access ? (size_t)(access - t->line) : end, len = access ? end - split - 1 : 0;
	u64 n = 8;

	if (at < end && (!parse_u64(t->line + at + 1, split - at - 1, 0, &n) || !n || n > 8 || n & (n - 1)))
		return probe_bad(t, at + 1, "Invalid length: 1, 2, 4 or 8", EINVAL);
	e->watch.len = (u8)n;
	e->watch.type = WATCH_ACCESS;
	if (!access || str_is(access + 1, len, "r") || str_is(access + 1, len, "rw"))
		return 0; /* no register watches reads alone */
	e->watch.type = str_is(access + 1, len, "w") ? WATCH_WRITE : WATCH_EXECUTE;
	if (e->watch.type == WATCH_EXECUTE && !str_is(access + 1, len, "x"))
		return probe_bad(t, split + 1, "Invalid access: r, w, rw or x", EINVAL);
	return 0;
}

/* What stands behind the place in its word: ":..." of a watchpoint, "%return" of a probe. */
static int take_suffix(struct probe_text *t, size_t at, size_t end, struct probe_event *e)
{
	if (e->kind == 'w')
		return take_watch(t, at, end, e);
	if (at == end)
		return 0;
	if (!str_is(t->line + at, end - at, "%return"))
		return probe_bad(t, at, "Invalid probed address suffix", EINVAL);
	e->kind = 'r';
	return 0;
}

bool probe_is_entry(u64 addr)
{
	struct symbol sym;

	return symtab_find(&kernel_symtab, addr, &sym) && sym.start == addr;
}

int probe_place_parse(struct probe_text *t, struct probe_event *e)
{
	size_t at = skip_space(t->line, t->at), end = word_end(t->line, at);
	const char *stop = memchr(t->line + at, e->kind == 'w' ? ':' : '%', end - at);
	size_t suffix = stop ? (size_t)(stop - t->line) : end;
	int err = 0;

	if (at == end)
		return probe_bad(t, at, "No probe point is given", EINVAL);
	if (!isdigit(t->line[at]))
		err = take_symbol(t, at, suffix, e);
	else if (!parse_u64(t->line + at, suffix - at, 0, &e->addr))
		err = probe_bad(t, at, "Invalid probed address or symbol", EINVAL);
	if (!err)
		err = take_suffix(t, suffix, end, e);
	if (!err && e->kind == 'r' && !probe_is_entry(e->addr))
		err = probe_bad(t, at, "Retprobe address must be an function entry", EINVAL);
	if (!err)
		t->at = at;
	return err;
}
