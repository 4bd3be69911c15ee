/* Proves on a linked kernel that what must be hidden from instrumentation is hidden: usage below. */
#include "tools/noinstr-check/rules.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"usage: noinstr-check [--quiet] [--why[=FILE]] KERNEL\n"
	"Reads a linked kernel and follows every path through .entry.text, .noinstr.text and .kprobes.text.\n"
	"Status 0: all rules hold; 1: some don't, and stderr says where and by which call path; 2: unreadable.\n"
	"  --why    why each function is hidden, to stdout or FILE\n"
	"  --quiet  no summary\n";

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(struct image *img)
{
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].sec != SEC_TEXT)
			decode_hidden(img, &img->fns[i]);
	check_gaps(img);
	decode_visible(img);
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].sec != SEC_TEXT)
			state_propagate(img, &img->fns[i]);
	stack_check(img);
	check_start(img);
	check_roots(img);
	check_functions(img);
}

static int write_why(const struct image *img, const char *path)
{
	FILE *out = *path ? fopen(path, "w") : stdout;

	if (!out) {
		fprintf(stderr, "noinstr-check: %s: can't be written\n", path);
		return 2;
	}
	report_why(img, out);
	return (out == stdout ? fflush(out) : fclose(out)) ? 2 : 0;
}

int main(int argc, char **argv)
{
	const char *why = NULL, *kernel = NULL;
	bool quiet = false;
	double start = now();
	struct image img;
	size_t problems;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quiet") == 0)
			quiet = true;
		else if (strcmp(argv[i], "--why") == 0)
			why = "";
		else if (strncmp(argv[i], "--why=", 6) == 0)
			why = argv[i] + 6;
		else if (argv[i][0] == '-' || kernel)
			return fputs(usage, stderr), 2;
		else
			kernel = argv[i];
	}
	if (!kernel)
		return fputs(usage, stderr), 2;
	image_read(&img, kernel);
	lines_open(&img);
	check(&img);
	problems = report_problems(&img);
	if (problems) {
		fprintf(stderr, "noinstr-check: %zu problem(s) in %s\n", problems, kernel);
		return 1;
	}
	report_needless(&img, stderr);
	if (!quiet) {
		fprintf(stderr, "noinstr-check: ");
		report_summary(&img, stderr);
		fprintf(stderr, "; %.2f s\n", now() - start);
	}
	return why ? write_why(&img, why) : 0;
}
