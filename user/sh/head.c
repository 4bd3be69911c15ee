/* The first lines, and no more is read; or the last ones. */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/heap.h"
#include "user/sh/filter.h"
#include "user/sh/keep.h"

static int begin(struct filter *f, int argc, char **argv)
{
	int i = 1;

	if (argc > 1 && argv[1][0] == '-' && !filter_number(argv, argc, &i, &f->limit))
		return -EINVAL;
	return i;
}

static int begin_head(struct filter *f, int argc, char **argv)
{
	int i = begin(f, argc, argv);

	if (i > 0 && !f->limit)
		filter_close(f);
	return i;
}

static void line_head(struct filter *f, const char *text, size_t len)
{
	filter_print(f, text, len);
	if (f->lines == f->limit)
		filter_close(f);
}

/* The command for a file is older than pipes: builtins.c. */
const struct filter_type filter_head = { "head", begin_head, line_head, NULL };

/* The first of the kept lines goes when one too many is there. */
static void line_tail(struct filter *f, const char *text, size_t len)
{
	if (!f->limit || !keep_line(f, text, len))
		return;
	if (++f->matches > f->limit) {
		keep_drop(f, strlen(f->text) + 1);
		f->matches--;
	}
}

static void end_tail(struct filter *f)
{
	for (const char *at = f->text; at && at < f->text + f->used; at += strlen(at) + 1)
		filter_print(f, at, strlen(at));
	heap_free(f->text);
}

const struct filter_type filter_tail = { "tail", begin, line_tail, end_tail };

static int run(int argc, char **argv, struct seq *out) { return filter_run(&filter_tail, argc, argv, out); }
COMMAND(tail, "[-n N] [PATH...]", "print the last N lines, 10 without -n", run);
