/* Lines that match, or don't; numbered, or counted. */
#include "abi/errno.h"
#include "lib/string.h"
#include "user/sh/filter.h"

static bool set_option(struct filter *f, char letter)
{
	bool *const option = letter == 'c'   ? &f->count
			     : letter == 'v' ? &f->invert
			     : letter == 'i' ? &f->ignore_case
			     : letter == 'n' ? &f->number
					     : NULL;

	if (option)
		*option = true;
	return option;
}

static int begin(struct filter *f, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
		for (const char *c = argv[i] + 1; *c; c++)
			if (!set_option(f, *c))
				return -EINVAL;
	if (i == argc || strscpy(f->pattern, argv[i], sizeof(f->pattern)) < 0)
		return -EINVAL;
	return i + 1;
}

static void line(struct filter *f, const char *text, size_t len)
{
	if (regex_match(f->pattern, text, f->ignore_case) == f->invert)
		return;
	f->matches++;
	if (f->count)
		return;
	if (f->number)
		seq_printf(f->out, "%lu:", f->lines);
	filter_print(f, text, len);
}

static void end(struct filter *f)
{
	if (f->count)
		seq_printf(f->out, "%lu\n", f->matches);
	f->failed = !f->matches;
}

const struct filter_type filter_grep = { "grep", begin, line, end };

static int run(int argc, char **argv, struct seq *out) { return filter_run(&filter_grep, argc, argv, out); }
COMMAND(grep, "[-cinv] REGEX [PATH...]", "print the lines that match; fails when none does", run);
