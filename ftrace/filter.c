/*
 * set_ftrace_filter and set_ftrace_notrace: which functions tracers trace, by name or glob; and commands at functions.
 *
 * A write is taken whole or not at all: it is read twice, and the first time only to see what is wrong with it.
 */
#include "abi/errno.h"
#include "ftrace/command.h"
#include "ftrace/internal.h"
#include "ftrace/tracer.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/error_log.h"

#define WORD_MAX 128

struct ftrace_hash ftrace_global_hash;

/* One word, NUL-terminated. @draft: NULL when it is only looked at. NULL, or what is wrong with it. */
static const char *do_word(char *word, struct ftrace_set *draft, bool commands, bool apply)
{
	bool not = word[0] == '!';

	if (strchr(word, ':'))
		return commands ? ftrace_command(word, apply) : "No commands in this file";
	if (!ftrace_set_match(apply ? draft : NULL, word + not, !not ))
		return "No function matches";
	return NULL;
}

int ftrace_words(const char *text, size_t len, struct ftrace_set *draft, bool commands, bool apply)
{
	for (size_t at = 0;;) {
		char word[WORD_MAX];
		size_t n = 0, start;
		const char *why;

		while (at < len && isspace(text[at]))
			at++;
		if (at == len)
			return 0;
		for (start = at; at < len && !isspace(text[at]); at++) {
			if (n == sizeof(word) - 1)
				return error_log_refuse("ftrace", text, len, start, "Name too long");
			word[n++] = text[at];
		}
		word[n] = 0;
		why = strlen(word) < n ? "A NUL is no part of a name" : do_word(word, draft, commands, apply);
		if (why)
			return error_log_refuse("ftrace", text, len, start, why);
	}
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct ftrace_set draft, *set = self->arg;
	bool commands = set == &ftrace_global_hash.filter && memchr(text, ':', len);
	int err = ftrace_words(text, len, NULL, commands, false);

	if (err)
		return err;
	err = ftrace_set_copy(&draft, append ? set : NULL);
	if (!err && commands)
		err = ftrace_commands_begin();
	if (err) {
		ftrace_set_free(&draft);
		return err;
	}
	ftrace_words(text, len, &draft, commands, true);
	ftrace_hash_replace(&ftrace_global_hash, set, &draft);
	if (commands)
		ftrace_commands_end();
	return 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	const struct ftrace_set *set = self->arg;
	bool no = set == &ftrace_global_hash.notraced;

	ftrace_set_show(out, set, no ? "no functions disabled" : "all functions enabled");
	if (!no)
		ftrace_commands_show(out);
	return 0;
}
CTL_FILE(ctl_set_ftrace_filter, .path = "set_ftrace_filter", .show = show, .store = store,
	 .arg = &ftrace_global_hash.filter, .bytes = true);
CTL_FILE(ctl_set_ftrace_notrace, .path = "set_ftrace_notrace", .show = show, .store = store,
	 .arg = &ftrace_global_hash.notraced, .bytes = true);
