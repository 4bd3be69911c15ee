/*
 * set_ftrace_filter: which functions the function tracer traces, by name or glob.
 *
 * A write is taken whole or not at all: it is worked out beside the live filter, and a word that
 * matches no function leaves that as it was.
 */
#include "abi/errno.h"
#include "ftrace/ftrace.h"
#include "ftrace/tracer.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "trace/error_log.h"

#define WORD_MAX 128

static size_t nr_filtered;

bool ftrace_filter_active(void) { return nr_filtered != 0; }

/* The draft lives in the sites themselves, beside the live bit. */
static bool *draft_of(size_t i) { return &ftrace_site(i)->draft; }

/* Sets or clears the draft for all functions that match; how many did. */
static size_t apply(const char *pattern, bool on)
{
	size_t n = 0;
	struct symbol sym;

	for (size_t i = 0; i < ftrace_nr_sites(); i++) {
		if (!symtab_find(&kernel_symtab, ftrace_site(i)->ip, &sym) || !glob_match(pattern, sym.name))
			continue;
		*draft_of(i) = on;
		n++;
	}
	return n;
}

static int refuse(const char *text, size_t column, const char *why)
{
	char line[WORD_MAX];
	size_t len = 0;

	while (text[len] && text[len] != '\n' && len < sizeof(line) - 1) {
		line[len] = text[len];
		len++;
	}
	line[len] = 0;
	error_log("ftrace", line, column, why);
	return -EINVAL;
}

static int draft_words(const char *text, size_t len)
{
	for (size_t at = 0;;) {
		char word[WORD_MAX];
		size_t n = 0, start;

		while (at < len && isspace(text[at]))
			at++;
		if (at == len)
			return 0;
		for (start = at; at < len && !isspace(text[at]); at++) {
			if (n == sizeof(word) - 1)
				return refuse(text, start, "Name too long");
			word[n++] = text[at];
		}
		word[n] = 0;
		if (!apply(word[0] == '!' ? word + 1 : word, word[0] != '!'))
			return refuse(text, start, "No function matches");
	}
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	int err;

	for (size_t i = 0; i < ftrace_nr_sites(); i++)
		*draft_of(i) = append && ftrace_site(i)->filtered;
	err = draft_words(text, len);
	if (err)
		return err;
	nr_filtered = 0;
	for (size_t i = 0; i < ftrace_nr_sites(); i++) {
		ftrace_site(i)->filtered = *draft_of(i);
		nr_filtered += *draft_of(i);
	}
	tracer_refresh();
	return 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	struct symbol sym;

	if (!nr_filtered)
		seq_puts(out, "#### all functions enabled ####\n");
	for (size_t i = 0; i < ftrace_nr_sites(); i++)
		if (ftrace_site(i)->filtered && symtab_find(&kernel_symtab, ftrace_site(i)->ip, &sym))
			seq_printf(out, "%s\n", sym.name);
	return 0;
}
CTL_FILE(ctl_set_ftrace_filter, .path = "set_ftrace_filter", .show = show, .store = store);
