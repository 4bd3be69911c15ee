/*
 * A pipeline: the first command's output runs through filters, each of which writes to the next. They are read and set up before
 * the command is, for which the text is read once more.
 */
#include "abi/errno.h"
#include "user/sh/shell.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/sh/filter.h"

#define FILTERS_MAX 8

static struct filter filters[FILTERS_MAX];
static unsigned nr_filters;
static struct shell *owner;

/* The filters' own reader is gone: so is the command's. */
static void first_write(struct seq *s, const char *text, size_t len)
{
	seq_write(&filters[0].seq, text, len);
	if (seq_is_closed(&filters[0].seq) && !seq_is_closed(&owner->out)) {
		owner->out.in_line = false;
		tracefs_interrupt(&owner->out);
	}
}

static struct seq first = { .write = first_write };

void shell_end_pipe(struct shell *sh)
{
	sh->pipe = NULL;
	for (unsigned i = 0; i < nr_filters; i++) {
		filter_end(&filters[i]);
		if (filters[i].failed)
			sh_fail(sh);
	}
}

static bool add(struct shell *sh, struct shell_command *cmd)
{
	const struct filter_type *type = filter_find(cmd->argv[0]);
	struct filter *f = &filters[nr_filters];

	if (!type)
		shell_complain_text(sh, cmd->argv[0], "not a filter: nothing can be piped into it");
	else if (nr_filters == FILTERS_MAX)
		shell_complain(sh, cmd->argv[0], -E2BIG);
	else if (filter_begin(f, type, &sh->end, cmd->argc, cmd->argv) != cmd->argc)
		shell_complain(sh, cmd->argv[0], -EINVAL);
	else
		return ++nr_filters;
	return false;
}

/* All of it is read, also behind what is wrong. */
static bool read_filters(struct shell *sh, struct parser *p)
{
	bool good = true;

	nr_filters = 0;
	do {
		if (parse_command(p, &sh->command) <= 0)
			return false;
		good = good && add(sh, &sh->command);
	} while (sh->command.piped);
	for (unsigned i = 0; i + 1 < nr_filters; i++)
		filters[i].out = &filters[i + 1].seq;
	return good;
}

void shell_run_pipeline(struct shell *sh, struct parser *p, struct parser from)
{
	static char target[SHELL_LINE_MAX + 1];
	bool good = read_filters(sh, p), redirected = sh->command.target, append = sh->command.append;

	if (redirected)
		strscpy(target, sh->command.target, sizeof(target));
	if (!good || parse_command(&from, &sh->command) <= 0)
		return;
	sh->command.target = redirected ? target : NULL;
	sh->command.append = append;
	sh->end = (struct seq){ .write = sh->end.write };
	owner = sh;
	first.closed = first.in_line = false;
	sh->pipe = &first;
	shell_run_command(sh, &sh->command);
	sh->pipe = NULL;
}
