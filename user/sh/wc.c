/* How many lines, words and bytes. */
#include "abi/errno.h"
#include "lib/string.h"
#include "user/sh/filter.h"

/* -l, -w and -c, as on Unix; none is all three. */
static int begin(struct filter *f, int argc, char **argv)
{
	if (argc < 2 || argv[1][0] != '-')
		return 1;
	if (strlen(argv[1]) != 2 || !strchr("lwc", argv[1][1]))
		return -EINVAL;
	f->pattern[0] = argv[1][1];
	return 2;
}

static void line(struct filter *f, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		f->words += !isspace(text[i]) && (!i || isspace(text[i - 1]));
}

static void end(struct filter *f)
{
	switch (f->pattern[0]) {
	case 'l':
		seq_printf(f->out, "%lu\n", f->lines);
		break;
	case 'w':
		seq_printf(f->out, "%lu\n", f->words);
		break;
	case 'c':
		seq_printf(f->out, "%lu\n", f->bytes);
		break;
	default:
		seq_printf(f->out, "%7lu %7lu %7lu\n", f->lines, f->words, f->bytes);
	}
}

const struct filter_type filter_wc = { "wc", begin, line, end };

static int run(int argc, char **argv, struct seq *out) { return filter_run(&filter_wc, argc, argv, out); }
COMMAND(wc, "[-l|-w|-c] [PATH...]", "count lines, words and bytes, or one of them", run);
