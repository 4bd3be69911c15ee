/* A user probe's definition, in Linux's syntax, taken apart; and of ours, a function's name in the place of an offset. */
#include "abi/errno.h"
#include "kernel/uprobe/event.h"
#include "kprobe/parse.h"
#include "lib/printf.h"
#include "lib/string.h"

#define BIN "/bin/"

static int take_kind(struct probe_text *t, struct probe_event *e)
{
	e->kind = t->line[0];
	if (e->kind != 'p' && e->kind != 'r')
		return probe_bad(t, 0, "Unknown probe type", EINVAL);
	t->at = 1;
	if (!t->line[1] || t->line[1] == ':' || isspace(t->line[1]))
		return 0;
	return probe_bad(t, 1,
			 e->kind == 'r' && isdigit(t->line[1]) ? "Maxactive is not for uprobe"
							       : "Unknown probe type",
			 EINVAL);
}

/* /bin/PROGRAM, from @at to @end. */
static int take_program(struct probe_text *t, size_t at, size_t end, struct uprobe_event *u)
{
	size_t name = at + strlen(BIN), len;
	const char *why;
	int err;

	if (end < name || memcmp(t->line + at, BIN, strlen(BIN)) != 0)
		return probe_bad(t, at, "Failed to find the given file", ENOENT);
	len = end - name;
	if (!len)
		return probe_bad(t, at, "Not a regular file", EINVAL);
	if (len >= sizeof(u->program))
		return probe_bad(t, name, "Failed to find the given file", ENOENT);
	strscpy(u->program, t->line + name, len + 1);
	err = uprobe_program(u->program, &u->data, &u->len, &why);
	return err ? probe_bad(t, at, why, -err) : 0;
}

/* SYMBOL[+OFF], whose place in the file is wanted. */
static int take_symbol(struct probe_text *t, size_t at, size_t end, struct uprobe_event *u)
{
	const char *word = t->line + at, *plus = memchr(word, '+', end - at);
	size_t len = end - at, n = plus ? (size_t)(plus - word) : len;
	u64 addr = 0, size = 0, offset = 0;
	unsigned matches = elf_symbol_find(u->data, u->len, word, n, &addr, &size);

	if (!matches)
		return probe_bad(t, at, "Invalid probed address or symbol", ENOENT);
	if (matches > 1)
		return probe_bad(t, at, "The symbol is not unique: give an offset", EADDRNOTAVAIL);
	if (plus && !parse_u64(plus + 1, len - n - 1, 0, &offset))
		return probe_bad(t, at + n, "Invalid offset", EINVAL);
	if (offset >= size)
		return probe_bad(t, at + n, "Offset is beyond the function's end", EINVAL);
	return uprobe_offset(u->data, u->len, addr + offset, &u->offset)
		       ? 0
		       : probe_bad(t, at, "Offset is outside of the program's text", EINVAL);
}

static int take_offset(struct probe_text *t, size_t at, size_t end, struct uprobe_event *u)
{
	const char *paren = memchr(t->line + at, '(', end - at),
		   *percent = memchr(t->line + at, '%', end - at);
	size_t stop = percent ? (size_t)(percent - t->line) : end;

	if (paren)
		return probe_bad(t, (size_t)(paren - t->line), "Reference counters are not supported",
				 EINVAL);
	if (percent && !str_is(percent, end - stop, "%return"))
		return probe_bad(t, stop, "Invalid probed address suffix", EINVAL);
	if (percent)
		u->event.kind = 'r';
	if (at == stop)
		return probe_bad(t, at, "Invalid uprobe offset", EINVAL);
	if (!isdigit(t->line[at]))
		return take_symbol(t, at, stop, u);
	if (!parse_u64(t->line + at, stop - at, 0, &u->offset))
		return probe_bad(t, at, "Invalid uprobe offset", EINVAL);
	return 0;
}

static int check(struct probe_text *t, size_t at, struct uprobe_event *u)
{
	struct uprobe_text text;
	const char *why;
	u64 va;
	int err = uprobe_text_at(u->data, u->len, u->offset, &text, &va, &why);

	err = err ?: uprobe_check(&text, va, &u->spot, &why);
	if (err)
		return probe_bad(t, at, why, -err);
	if (u->event.kind == 'r' && !u->spot.entry)
		return probe_bad(t, at, "Retprobe address must be an function entry", EINVAL);
	return 0;
}

/* Then t->at is where the place begins. */
static int take_place(struct probe_text *t, struct uprobe_event *u)
{
	size_t at = skip_space(t->line, t->at), end = word_end(t->line, at), colon = end;
	int err;

	if (at == end)
		return probe_bad(t, at, "No probe point is given", EINVAL);
	while (colon > at && t->line[colon - 1] != ':')
		colon--;
	if (colon == at)
		return probe_bad(t, at, "Probe point is no PATH:OFFSET", EINVAL);
	err = take_program(t, at, colon - 1, u) ?: take_offset(t, colon, end, u) ?: check(t, colon, u);
	if (!err)
		t->at = at;
	return err;
}

static bool address(const struct probe_file *f, u64 offset, u64 *addr)
{
	const struct uprobe_event *u = container_of(f, struct uprobe_event, file);

	return uprobe_address(u->data, u->len, offset, addr);
}

static void default_name(struct uprobe_event *u)
{
	struct probe_event *e = &u->event;

	if (e->name[0])
		return;
	snprintf(e->name, sizeof(e->name), "%c_%s_0x%lx", e->kind, u->program, u->offset);
	probe_name_mend(e->name);
}

int uprobe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why)
{
	struct uprobe_event *u = container_of(e, struct uprobe_event, event);
	struct probe_text t = { line, 0, why, &u->file };
	size_t place = 0;
	int err = take_kind(&t, e);

	u->file.address = address;
	strscpy(e->group, "uprobes", sizeof(e->group));
	if (!err && line[t.at] == ':') {
		t.at++;
		err = probe_name_parse(&t, e->group, e->name);
	}
	err = err ?: take_place(&t, u);
	if (!err) {
		place = t.at;
		default_name(u);
		e->addr = u->spot.va;
		e->place = FETCH_USER | (e->kind == 'r' ? FETCH_RETURN : u->spot.entry ? FETCH_ENTRY : 0);
		err = probe_args_parse(&t, e);
	}
	if (err)
		probe_event_free(e);
	*column = err ? t.at : place;
	return err;
}

void uprobe_event_show(struct seq *out, const struct probe_event *e)
{
	const struct uprobe_event *u = container_of(e, struct uprobe_event, event);

	seq_printf(out, "%c:%s/%s " BIN "%s:0x%016lx", e->kind, e->group, e->name, u->program, u->offset);
	probe_args_show(out, e);
}
