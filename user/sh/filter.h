/* What stands behind a '|', or before a file: lines in, lines out. */
#pragma once

#include "user/sh/match.h"
#include "user/sh/shell.h"
#include "lib/command.h"
#include "lib/seq.h"

#define FILTER_LINE 4096

/* One at work. Its type's own state is as much as the types here need. */
struct filter {
	const struct filter_type *type;
	struct seq seq;	 /* what is written to it comes as lines to the type */
	struct seq *out; /* where it prints */
	bool failed;	 /* its status; grep's, that nothing matched */

	char line[FILTER_LINE + 1]; /* begun, not ended yet */
	size_t len;

	bool count, invert, ignore_case, number, reverse, unique; /* options */
	char pattern[PATTERN_MAX];
	u64 limit;		 /* of lines */
	u64 lines, words, bytes; /* so far */
	u64 matches;
	char last[FILTER_LINE + 1]; /* the line before, of uniq */
	char *text;		    /* kept lines, on the heap */
	size_t used, room;
};

struct filter_type {
	const char *name;
	/* Options out of the words; the first that isn't one, or -EINVAL. */
	int (*begin)(struct filter *f, int argc, char **argv);
	/* A whole line without its end. */
	void (*line)(struct filter *f, const char *text, size_t len);
	void (*end)(struct filter *f); /* may be NULL */
};

/* NULL: there is no such one. */
const struct filter_type *filter_find(const char *name);
/* As begin() above; @f prints to @out. */
int filter_begin(struct filter *f, const struct filter_type *type, struct seq *out, int argc, char **argv);
/* No more comes: the last line, and what the type has to say. */
void filter_end(struct filter *f);
/* Nothing more is wanted: whoever writes to it finds it closed. */
void filter_close(struct filter *f);
void filter_print(struct filter *f, const char *text, size_t len);

/* The running command has failed, without a word: as grep does. */
void sh_fail(struct shell *sh);

/* A command of that name for files: filter_run(&type, argc, argv, out). */
int filter_run(const struct filter_type *type, int argc, char **argv, struct seq *out);

/* "-n N" or "-N" at argv[*i]: moves *i past it. False: it isn't that. */
bool filter_number(char **argv, int argc, int *i, u64 *n);

extern const struct filter_type filter_grep, filter_head, filter_tail, filter_wc, filter_sort, filter_uniq;
