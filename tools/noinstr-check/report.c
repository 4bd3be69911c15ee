/* What was found, sorted, and what is hidden: how much, and why. */
#include "tools/noinstr-check/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct problem {
	u64 addr;
	size_t order;
	const char *rule, *path, *text;
} * problems;
static size_t nr_problems;
static const struct image *paths_of;

void *xalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p) {
		fprintf(stderr, "noinstr-check: out of memory\n");
		exit(2);
	}
	return p;
}

/* Doubles at each power of two; so @n alone says how much room there is. */
void *grow(void *array, size_t n, size_t size)
{
	if (n && (n & (n - 1)))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		xalloc(~0ul / 2);
	return array;
}

static char *vxprintf(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		xalloc(~0ul / 2);
	return text;
}

char *xprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = vxprintf(fmt, ap);
	va_end(ap);
	return text;
}

static bool is_about_a_call(const char *rule)
{
	return strcmp(rule, "visible-call") == 0 || strcmp(rule, "trap-path") == 0 ||
	       strcmp(rule, "indirect") == 0 || strcmp(rule, "too-early") == 0;
}

void problem(u64 addr, const char *rule, const char *path, const char *fmt, ...)
{
	va_list ap;

	/* One thing said about a call is enough, and the first is said of the most telling path. */
	for (size_t i = 0; addr && i < nr_problems; i++)
		if (problems[i].addr == addr &&
		    (strcmp(problems[i].rule, rule) == 0 ||
		     (is_about_a_call(rule) && is_about_a_call(problems[i].rule))))
			return;
	GROW(problems, nr_problems);
	va_start(ap, fmt);
	problems[nr_problems] = (struct problem){ addr, nr_problems, rule, path, vxprintf(fmt, ap) };
	va_end(ap);
	nr_problems++;
}

size_t nr_of_problems(void) { return nr_problems; }

static int problem_order(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Without a path of its own: the way by which its function was first reached. */
static const char *path_of(const struct problem *p)
{
	const struct fn *f = p->path ? NULL : image_fn_at(paths_of, p->addr);

	if (p->path)
		return p->path;
	return f && f->path ? f->path : "";
}

size_t report_problems(const struct image *img)
{
	paths_of = img;
	if (nr_problems)
		qsort(problems, nr_problems, sizeof(*problems), problem_order);
	for (size_t i = 0; i < nr_problems; i++) {
		const struct problem *p = &problems[i];

		fprintf(stderr, "%s: error: %s [%s]\n", p->addr ? lines_at(p->addr) : "noinstr-check",
			p->text, p->rule);
		if (*path_of(p))
			fprintf(stderr, "    call path: %s\n", path_of(p));
	}
	return nr_problems;
}

static void count(const struct image *img, enum section sec, size_t *fns, size_t *needless)
{
	bool stubs = false;

	*fns = *needless = 0;
	for (size_t i = 0; i < img->nr_fns; i++) {
		const struct fn *f = &img->fns[i];
		bool stub = strncmp(f->name, "vector_stubs[", 13) == 0;

		if (f->sec != sec || (stub && stubs))
			continue;
		stubs |= stub; /* all 256 count as one */
		++*fns;
		*needless += !f->needed;
	}
}

void report_summary(const struct image *img, FILE *out)
{
	u64 bytes = 0, all = img->secs[SEC_TEXT].size;
	size_t fns = 0, needless = 0, n, less;

	for (int s = SEC_TEXT + 1; s < NR_SECTIONS; s++) {
		count(img, (enum section)s, &n, &less);
		fprintf(out, "%s %zu functions, %lu bytes; ", section_names[s], n,
			(unsigned long)img->secs[s].size);
		bytes += img->secs[s].size;
		fns += n;
		needless += less;
	}
	all += bytes;
	fprintf(out, "hidden: %zu functions, %lu of %lu bytes of text (%lu.%lu%%)", fns, (unsigned long)bytes,
		(unsigned long)all, (unsigned long)(all ? bytes * 100 / all : 0),
		(unsigned long)(all ? bytes * 1000 / all % 10 : 0));
	if (needless)
		fprintf(out, "; hidden without need: %zu", needless);
}

void report_needless(const struct image *img, FILE *out)
{
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].sec != SEC_TEXT && !img->fns[i].needed)
			fprintf(out, "%s: warning: %s() is hidden without need (%s)\n",
				lines_at(img->fns[i].addr), img->fns[i].name,
				img->fns[i].path ? img->fns[i].path : "?");
}

void report_why(const struct image *img, FILE *out)
{
	for (size_t i = 0; i < img->nr_fns; i++) {
		const struct fn *f = &img->fns[i];

		if (f->sec == SEC_TEXT)
			continue;
		fprintf(out, "%-14s %5lu  %-28s %s%s\n", section_names[f->sec], (unsigned long)f->size,
			f->name, f->needed ? "" : "WITHOUT NEED: ", f->path ? f->path : "?");
	}
	report_summary(img, out);
	fputc('\n', out);
}
