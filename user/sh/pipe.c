/*
 * A pipeline: the first command's output runs through filters, each of which writes to the next. They are read and set up before
 * the command is, for which the text is read once more. The first command may be a tour, in which there are pipelines, too.
 */
#include "abi/errno.h"
#include "user/sh/shell.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/sh/filter.h"

#define FILTERS_MAX 8
#define DEEPEST	    2 /* inside each other: no tour has a tour in it */

static struct pipeline {
	struct filter filters[FILTERS_MAX];
	unsigned nr_filters;
	struct shell *owner;
	struct seq first;
	char target[SHELL_LINE_MAX + 1];
} pipelines[DEEPEST];
static unsigned depth;

/* The filters' own reader is gone: so is the command's. */
static void first_write(struct seq *s, const char *text, size_t len)
{
	struct pipeline *pl = container_of(s, struct pipeline, first);
	struct seq *to = &pl->filters[0].seq, *out = &pl->owner->out;

	seq_write(to, text, len);
	if (seq_is_closed(to) && !seq_is_closed(out)) {
		out->in_line = false;
		tracefs_interrupt(out);
	}
}

void shell_end_pipe(struct shell *sh)
{
	struct pipeline *pl = container_of(sh->pipe, struct pipeline, first);

	sh->pipe = NULL;
	for (unsigned i = 0; i < pl->nr_filters; i++) {
		filter_end(&pl->filters[i]);
		if (pl->filters[i].failed)
			sh_fail(sh);
	}
}

static bool add(struct pipeline *pl, struct shell *sh, struct shell_command *cmd)
{
	const struct filter_type *type = filter_find(cmd->argv[0]);
	struct filter *f = &pl->filters[pl->nr_filters];

	if (!type)
		shell_complain_text(sh, cmd->argv[0], "not a filter: nothing can be piped into it");
	else if (pl->nr_filters == FILTERS_MAX)
		shell_complain(sh, cmd->argv[0], -E2BIG);
	else if (filter_begin(f, type, &sh->end, cmd->argc, cmd->argv) != cmd->argc)
		shell_complain(sh, cmd->argv[0], -EINVAL);
	else
		return ++pl->nr_filters;
	return false;
}

/* All of it is read, also behind what is wrong. */
static bool read_filters(struct pipeline *pl, struct shell *sh, struct parser *p)
{
	bool good = true;

	pl->nr_filters = 0;
	do {
		if (parse_command(p, &sh->command) <= 0)
			return false;
		good = good && add(pl, sh, &sh->command);
	} while (sh->command.piped);
	for (unsigned i = 0; i + 1 < pl->nr_filters; i++)
		pl->filters[i].out = &pl->filters[i + 1].seq;
	return good;
}

static void run(struct pipeline *pl, struct shell *sh, struct parser *p, struct parser *from)
{
	bool good = read_filters(pl, sh, p), redirected = sh->command.target, append = sh->command.append;

	if (redirected)
		strscpy(pl->target, sh->command.target, sizeof(pl->target));
	if (!good || parse_command(from, &sh->command) <= 0)
		return;
	sh->command.target = redirected ? pl->target : NULL;
	sh->command.append = append;
	sh->end = (struct seq){ .write = sh->end.write };
	pl->owner = sh;
	pl->first = (struct seq){ .write = first_write };
	sh->pipe = &pl->first;
	shell_run_command(sh, &sh->command);
	sh->pipe = NULL;
}

void shell_run_pipeline(struct shell *sh, struct parser *p, struct parser from)
{
	run(&pipelines[depth++], sh, p, &from);
	depth--;
}
