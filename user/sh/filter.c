/* What all filters have: a stream cut into lines, options, and a command for files. */
#include "user/sh/filter.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "tracefs/tracefs.h"

const struct filter_type *filter_find(const char *name)
{
	static const struct filter_type *const types[] = { &filter_grep, &filter_head, &filter_tail,
							   &filter_wc,	 &filter_sort, &filter_uniq };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

static void end_line(struct filter *f)
{
	f->line[f->len] = '\0';
	f->lines++;
	f->type->line(f, f->line, f->len);
	f->len = 0;
}

/* A line that is longer than any of ours is taken for two. */
static void take(struct seq *s, const char *text, size_t len)
{
	struct filter *f = container_of(s, struct filter, seq);

	for (size_t i = 0; i < len && !seq_is_closed(s); i++) {
		f->bytes++;
		if (text[i] == '\n' || f->len == FILTER_LINE)
			end_line(f);
		if (text[i] != '\n')
			f->line[f->len++] = text[i];
	}
}

int filter_begin(struct filter *f, const struct filter_type *type, struct seq *out, int argc, char **argv)
{
	memset(f, 0, sizeof(*f));
	f->type = type;
	f->seq.write = take;
	f->out = out;
	f->limit = 10;
	return type->begin(f, argc, argv);
}

void filter_end(struct filter *f)
{
	if (f->len && !seq_is_closed(&f->seq))
		end_line(f);
	if (f->type->end)
		f->type->end(f);
}

void filter_close(struct filter *f)
{
	f->seq.in_line = false;
	f->seq.closed = true;
}

void filter_print(struct filter *f, const char *text, size_t len)
{
	seq_write(f->out, text, len);
	seq_putc(f->out, '\n');
	if (seq_is_closed(f->out))
		filter_close(f);
}

void sh_fail(struct shell *sh)
{
	sh->failed = true;
	sh->status = 1;
}

bool filter_number(char **argv, int argc, int *i, u64 *n)
{
	const char *digits = argv[*i] + 1;
	bool apart = !strcmp(argv[*i], "-n");

	if (argv[*i][0] != '-' || (apart && *i + 1 >= argc))
		return false;
	if (apart)
		digits = argv[*i + 1];
	else if (*digits == 'n')
		digits++;
	if (!parse_u64(digits, strlen(digits), 10, n))
		return false;
	*i += apart ? 2 : 1;
	return true;
}

/* One command at a time has files to filter, and it ends before the next begins. */
int filter_run(const struct filter_type *type, int argc, char **argv, struct seq *out)
{
	static struct filter f;
	struct shell *sh = shell_of(out);
	char path[TRACEFS_PATH_MAX];
	int first = filter_begin(&f, type, out, argc, argv);

	if (first < 0 || first == argc)
		return -EINVAL;
	for (int i = first; i < argc && !seq_is_closed(out); i++) {
		int err = tracefs_resolve(sh->cwd, argv[i], path);

		if (!err)
			err = tracefs_read(path, &f.seq);
		if (err)
			shell_complain(sh, argv[i], err);
	}
	filter_end(&f);
	if (f.failed)
		sh_fail(sh);
	return 0;
}
