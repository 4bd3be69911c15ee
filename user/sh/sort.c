/* Lines in order, and neighbours that are the same as one. */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/heap.h"
#include "user/sh/filter.h"
#include "user/sh/keep.h"

/* Letters among "nru". */
static int begin_sort(struct filter *f, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
		for (const char *c = argv[i] + 1; *c; c++) {
			if (!strchr("nru", *c))
				return -EINVAL;
			f->number |= *c == 'n';
			f->reverse |= *c == 'r';
			f->unique |= *c == 'u';
		}
	return i;
}

static void line_sort(struct filter *f, const char *text, size_t len)
{
	if (keep_line(f, text, len))
		f->matches++;
}

/* The number that a line begins with, behind blanks; 0: none. */
static s64 number_of(const char *text)
{
	bool negative;
	u64 n = 0;

	while (isspace(*text))
		text++;
	negative = *text == '-';
	for (text += negative; isdigit(*text); text++)
		n = n * 10 + (u64)(*text - '0');
	return negative ? -(s64)n : (s64)n;
}

static int compare(const struct filter *f, const char *a, const char *b)
{
	int order = 0;

	if (f->number)
		order = (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
	if (!order)
		order = strcmp(a, b);
	return f->reverse ? -order : order;
}

/* Sorted halves into one: equals stay as they came. */
static void merge(const struct filter *f, const char **lines, const char **room, size_t half, size_t n)
{
	size_t a = 0, b = half;

	for (size_t i = 0; i < n; i++)
		room[i] =
			b == n || (a < half && compare(f, lines[a], lines[b]) <= 0) ? lines[a++] : lines[b++];
	memcpy(lines, room, n * sizeof(*lines));
}

static void sort(const struct filter *f, const char **lines, const char **room, size_t n)
{
	if (n < 2)
		return;
	sort(f, lines, room, n / 2);
	sort(f, lines + n / 2, room, n - n / 2);
	merge(f, lines, room, n / 2, n);
}

static void end_sort(struct filter *f)
{
	const char **lines = heap_alloc(2 * f->matches * sizeof(*lines)), *at = f->text;
	size_t n = lines ? f->matches : 0;

	f->failed |= !lines;
	for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
		lines[i] = at;
	sort(f, lines, lines + n, n);
	for (size_t i = 0; i < n; i++)
		if (!f->unique || !i || compare(f, lines[i], lines[i - 1]))
			filter_print(f, lines[i], strlen(lines[i]));
	heap_free(lines);
	heap_free(f->text);
}

const struct filter_type filter_sort = { "sort", begin_sort, line_sort, end_sort };

static int run_sort(int argc, char **argv, struct seq *out)
{
	return filter_run(&filter_sort, argc, argv, out);
}
COMMAND(sort, "[-nru] [PATH...]", "sort lines: by number, in reverse, each once", run_sort);

static int begin_uniq(struct filter *f, int argc, char **argv)
{
	f->count = argc > 1 && !strcmp(argv[1], "-c");
	if (argc > 1 && argv[1][0] == '-' && !f->count)
		return -EINVAL;
	return f->count ? 2 : 1;
}

static void tell(struct filter *f)
{
	if (f->matches && f->count)
		seq_printf(f->out, "%7lu ", f->matches);
	if (f->matches)
		filter_print(f, f->last, strlen(f->last));
}

static void line_uniq(struct filter *f, const char *text, size_t len)
{
	if (f->matches && !strcmp(text, f->last)) {
		f->matches++;
		return;
	}
	tell(f);
	strscpy(f->last, text, sizeof(f->last));
	f->matches = 1;
}

const struct filter_type filter_uniq = { "uniq", begin_uniq, line_uniq, tell };

static int run_uniq(int argc, char **argv, struct seq *out)
{
	return filter_run(&filter_uniq, argc, argv, out);
}
COMMAND(uniq, "[-c] [PATH...]", "print neighbours that are the same once, with -c how many", run_uniq);
