/* Finds the word before the cursor, then everything that starts like it. */
#include "user/sh/complete.h"
#include "user/sh/internal.h"
#include "lib/command.h"
#include "lib/string.h"

/* Where a walk over a half-typed line has come to. */
struct word {
	size_t start;
	bool inside;	 /* in a word, not between two */
	bool is_command; /* the first of its command */
	bool is_target;	 /* follows '>' */
	char quote;	 /* the open one, or NUL */
};

static void end_word(struct word *w)
{
	if (w->inside) {
		if (!w->is_target)
			w->is_command = false;
		w->is_target = false;
	}
	w->inside = false;
}

static void begin_word(struct word *w, size_t pos)
{
	if (!w->inside)
		w->start = pos;
	w->inside = true;
}

/* One byte between quotes; returns how many to skip after it. */
static size_t walk_quoted(struct word *w, char c)
{
	if (c == '\\' && w->quote == '"')
		return 1;
	if (c == w->quote)
		w->quote = '\0';
	return 0;
}

/* One byte outside quotes; returns how many to skip after it. */
static size_t walk_plain(struct word *w, char c, size_t pos)
{
	if (c == ' ' || c == '\t' || c == ';' || c == '>' || c == '|') {
		end_word(w);
		if (c == ';' || c == '|') {
			w->is_command = true;
			w->is_target = false;
		}
		w->is_target |= c == '>';
		return 0;
	}
	begin_word(w, pos);
	if (c == '\'' || c == '"')
		w->quote = c;
	return c == '\\';
}

/*
 * The word that ends at @len, perhaps empty; false in a comment. Quotes stay in it: no name has any,
 * so a quoted word is completed by nothing.
 */
static bool find_word(struct word *w, const char *text, size_t len)
{
	*w = (struct word){ .is_command = true };
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '#' && !w->inside)
			return false;
		i += w->quote ? walk_quoted(w, text[i]) : walk_plain(w, text[i], i);
	}
	if (!w->inside)
		w->start = len;
	return true;
}

typedef void (*candidate_fn)(void *arg, const char *name, char suffix);

/* What a candidate must begin with, and who wants to know. */
struct search {
	const char *prefix;
	size_t len;
	candidate_fn each;
	void *arg;
};

static void try_name(const struct search *s, const char *name, char suffix)
{
	if (!strncmp(name, s->prefix, s->len))
		s->each(s->arg, name, suffix);
}

static void try_entry(void *arg, const char *name, bool is_dir) { try_name(arg, name, is_dir ? '/' : ' '); }

static void search_files(struct shell *sh, struct search *s)
{
	char dir[TRACEFS_PATH_MAX], path[TRACEFS_PATH_MAX];
	size_t len = s->len;

	while (len && s->prefix[len - 1] != '/')
		len--;
	if (len >= sizeof(dir))
		return;
	memcpy(dir, s->prefix, len);
	dir[len] = '\0';
	s->prefix += len;
	s->len -= len;
	if (!tracefs_resolve(sh->cwd, len ? dir : ".", path))
		tracefs_readdir(path, try_entry, s);
}

/* Calls @each with every candidate, in byte order; returns the bytes of it that are typed already. */
static size_t for_each_candidate(struct shell *sh, const char *text, size_t len, candidate_fn each, void *arg)
{
	const struct command *c;
	struct word w;
	struct search s = { .each = each, .arg = arg };

	if (!find_word(&w, text, len))
		return 0;
	s.prefix = text + w.start;
	s.len = len - w.start;
	if (!w.is_command || w.is_target)
		search_files(sh, &s);
	else
		for (c = shell_next_command(""); c; c = shell_next_command(c->name))
			try_name(&s, c->name, ' ');
	return s.len;
}

/* What the candidates seen so far have in common. */
struct common {
	char name[sizeof(((struct completion *)NULL)->insert) - 1];
	char suffix;
	unsigned matches;
};

static void narrow(void *arg, const char *name, char suffix)
{
	struct common *m = arg;
	size_t len = 0;

	if (!m->matches++) {
		strscpy(m->name, name, sizeof(m->name));
		m->suffix = suffix;
		return;
	}
	while (m->name[len] && m->name[len] == name[len])
		len++;
	m->name[len] = '\0';
}

void shell_complete(struct shell *sh, const char *text, size_t len, struct completion *c)
{
	struct common m = { .matches = 0 };
	size_t typed = for_each_candidate(sh, text, len, narrow, &m);
	size_t n;

	c->matches = m.matches;
	c->insert[0] = '\0';
	if (!m.matches)
		return;
	n = (size_t)strscpy(c->insert, m.name + typed, sizeof(c->insert));
	if (m.matches == 1) {
		c->insert[n] = m.suffix;
		c->insert[n + 1] = '\0';
	}
}

struct rows {
	struct seq *out;
	size_t column;
};

static void print_candidate(void *arg, const char *name, char suffix)
{
	struct rows *r = arg;
	size_t width = strlen(name) + 3;

	if (r->column && r->column + width > LINE_COLUMNS) {
		seq_putc(r->out, '\n');
		r->column = 0;
	}
	seq_printf(r->out, "%s%c  ", name, suffix);
	r->column += width;
}

void shell_list_candidates(struct shell *sh, const char *text, size_t len, struct seq *out)
{
	struct rows r = { .out = out };

	for_each_candidate(sh, text, len, print_candidate, &r);
	if (r.column)
		seq_putc(out, '\n');
}
