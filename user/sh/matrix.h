/* The matrix of the tour: each policy of the guard, by each technique, in each scenario; what became of it is what the control files say. */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"
#include "lib/types.h"

enum { MATRIX_POLICIES = 6, MATRIX_TECHNIQUES = 7, MATRIX_SCENARIOS = 8 };

struct matrix_cell;

struct matrix_scenario {
	const char *title;
	/* Sets all up; false: refused. */
	bool (*prepare)(struct matrix_cell *c);
	const char *trigger; /* the command that starts it; NULL: it's in the cell */
	bool alone;	     /* what is hit isn't in the middle of another hit */
	bool stops;	     /* there are traps in the picture that only belong to what starts it */
	/* Looks at what the usual files don't tell; NULL: there is nothing. */
	void (*look)(struct matrix_cell *c);
	const char *note; /* lines below its table */
};
extern const struct matrix_scenario matrix_scenarios[MATRIX_SCENARIOS];

enum matrix_result {
	MATRIX_NONE,
	MATRIX_CLEAN,
	MATRIX_LOST,
	MATRIX_NESTED,
	MATRIX_BUST,
	MATRIX_GIVEN_UP,
	MATRIX_REPORTED,
	MATRIX_REFUSED,
	MATRIX_UNCLEAR
};

struct matrix_outcome {
	enum matrix_result result;
	u64 n;
	bool sick; /* something wasn't as before, afterwards; or couldn't be done */
};

#define MATRIX_UNDO 16
#define MATRIX_LINE 512

struct matrix_cell {
	const char *policy, *technique;
	const struct matrix_scenario *scenario;
	bool shown;
	bool failed;	    /* a command did that shouldn't */
	const char *second; /* how the trace tells what is hit inside */
	char trigger[MATRIX_LINE];
	u64 inside, lost; /* events of the second, and those dropped */
	/* What look() has found. */
	u64 reports;
	bool unclear;
	u64 depth;
	char undo[MATRIX_UNDO][80];
	unsigned nr_undo;
};

/* matrix_run.c. Runs a command as a scene does; what it said is in matrix_said. False: it failed. */
bool matrix_run(struct matrix_cell *c, const char *command);
extern char matrix_said[];
/* The same; how many of its lines have each of these @n in them. */
void matrix_count(struct matrix_cell *c, const char *command, const char *const *parts, unsigned n,
		  u64 *counts);
/* A command that mustn't fail. */
void matrix_do(struct matrix_cell *c, const char *fmt, ...) __printf(2, 3);
/* The same, to be run when the cell is over; the last one first. */
void matrix_undo(struct matrix_cell *c, const char *fmt, ...) __printf(2, 3);
/* FILE gets @value, and @usual in the end. */
void matrix_set(struct matrix_cell *c, const char *file, const char *value, const char *usual);
/*
 * A probe event matrix/@name, which isn't enabled yet, on the first instruction of @function, behind its @skip bytes, that the technique
 * takes; the function's entry for "ftrace". False: there is none.
 */
bool matrix_probe(struct matrix_cell *c, const char *name, const char *function, unsigned skip,
		  const char *args);
void matrix_enable(struct matrix_cell *c, const char *name);
/* What is to be hit inside: that probe, "second", enabled; or the function tracer, where that is the technique. False: refused. */
bool matrix_second(struct matrix_cell *c, const char *function, unsigned skip, const char *filter);
bool matrix_by_tracer(const struct matrix_cell *c);
/* The number behind the first @word of what was said; 0: there is none. */
u64 matrix_number(const char *word);

/* matrix_cell.c. Plays it, and puts all back. */
struct matrix_outcome matrix_play(struct matrix_cell *c);
/* What is not as it was at boot, and a cell would change, or say something else by it; NULL: nothing. */
const char *matrix_in_the_way(void);

/* matrix.c: "tour matrix", whose arguments are behind that. */
int matrix_command(int argc, char **argv, struct seq *out);
