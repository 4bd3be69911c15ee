/* What the files of rules share: a function together with how it was reached, and the facts that hold on every way. */
#pragma once

#include "tools/noinstr-check/check.h"

enum {
	/* The two facts that calls establish and withdraw (tables.c): on every way here, … */
	IN_FACTS = NR_FACTS - 1, /* FACT_ENTERED: the context was entered; FACT_DISARMED: no probe is armed */
	IN_REGION = 4,		 /* a caller is between begin and end, or is visible itself */
	IN_TRAP = 8,		 /* the path of int3 or #DB */
	IN_FAULT = 16,		 /* that of #DF */
	NR_WAYS = 32,
};

struct node {
	struct fn *f;
	int ways;
	const struct node *from;
	const char *root;
};

/* facts.c */
bool is_within(const struct fn *f, u64 addr);
bool is_return(const struct fn *f, const struct insn *i);
/* The facts behind @i, when these hold before it. */
int after_call(struct image *img, const struct insn *i, int facts);
/* Facts before each instruction of @f into @at (NR_FACTS: not reached); returned: what holds at every return. */
int follow_facts(struct image *img, struct fn *f, int start, u8 *at);

/* rules.c: looks at @f, reached in these @ways, and at all that is reached from there. */
void check_from(struct fn *f, int ways, const char *root, bool needed);
void check_start(struct image *image);

/* roots.c: from every entry, and then from whatever else is hidden. */
void check_roots(struct image *image);

/* functions.c: what must hold of functions, whoever calls them. */
void check_functions(struct image *image);
/* Is @name a clone or part, made by the compiler, of a hidden function? Of which? */
const struct fn *clone_of_hidden(const struct image *img, const char *name);
