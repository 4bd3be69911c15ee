/* A cell of the matrix: set up, started, judged by what the control files say, and taken back. */
#include "user/sh/internal.h"
#include "user/sh/matrix.h"
#include "lib/string.h"

/* How often one looks whether the jumps are there. */
#define PATIENCE 2000

struct counts {
	u64 function, tracepoint, kprobe; /* dropped by the guard, by kind */
	u64 given_up;
};

static struct counts count(struct matrix_cell *c)
{
	struct counts n;

	matrix_run(c, "cat recursion/dropped");
	n.function = matrix_number("function");
	n.tracepoint = matrix_number("tracepoint");
	n.kprobe = matrix_number("kprobe");
	matrix_run(c, "cat recursion/recovered");
	n.given_up = matrix_number("recovered");
	return n;
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* How many int3s, #DBs and NMIs are inside each other in the picture. */
static u64 deepest(void)
{
	u64 most = 0;

	for (const char *line = matrix_said; line; line = strchr(line, '\n')) {
		u64 depth = 0;

		while (isspace(*line))
			line++;
		for (; *line >= '0' && *line <= '9'; line++)
			depth = depth * 10 + (u64)(*line - '0');
		while (*line == ' ' || *line == '|')
			line++;
		if (strncmp(line, "\\ #BP", 5) == 0 || strncmp(line, "\\ #DB", 5) == 0 ||
		    strncmp(line, "\\ NMI", 5) == 0)
			most = max(most, depth);
	}
	return most;
}

/* An int3 becomes a jump by and by; false: not all that could have. Another CPU may hit it before, and it may end in a bust then. */
static bool jumps_are_in(struct matrix_cell *c)
{
	struct matrix_cell quiet = { .shown = false };

	for (unsigned i = 0; i < PATIENCE; i++) {
		matrix_run(&quiet, "cat kprobes/list");
		if (occurrences(matrix_said, "\n") == occurrences(matrix_said, "[OPTIMIZED]") +
							      occurrences(matrix_said, "[FTRACE]") +
							      occurrences(matrix_said, "[DISABLED]")) {
			matrix_run(c, "cat kprobes/list");
			return true;
		}
	}
	return false;
}

/* The numbers of a line, the second and the first from its end; where the next one begins. */
static const char *two_numbers(const char *line, u64 *first, u64 *second)
{
	*first = *second = 0;
	for (; *line && *line != '\n'; line++) {
		if (*line < '0' || *line > '9')
			continue;
		if (isspace(line[-1])) {
			*first = *second;
			*second = 0;
		}
		*second = *second * 10 + (u64)(*line - '0');
	}
	return *line ? line + 1 : line;
}

/* What the probes say of themselves must be what is in the trace, and what the guard has counted. */
static bool agrees(struct matrix_cell *c, u64 recorded, u64 dropped)
{
	u64 hits = 0, missed = 0, h, m;

	matrix_run(c, "cat kprobe_profile");
	for (const char *line = matrix_said; *line; hits += h, missed += m)
		line = two_numbers(line, &h, &m);
	return hits == recorded && missed == dropped;
}

/* What became of it, without what can't be told any more after a recovery: probes are disarmed then. */
static enum matrix_result ended(struct matrix_cell *c, struct counts before, struct counts after)
{
	bool resumed, disarmed;

	matrix_run(c, "nest");
	resumed = strstr(matrix_said, "resumes at") != NULL;
	if (!c->scenario->stops)
		c->depth = max(c->depth, deepest());
	matrix_run(c, "cat kprobes/list");
	disarmed = strstr(matrix_said, "[DISABLED]") != NULL;
	if (after.given_up != before.given_up)
		return MATRIX_GIVEN_UP;
	return resumed || disarmed ? MATRIX_BUST : MATRIX_NONE;
}

static struct matrix_outcome judge(struct matrix_cell *c, struct counts before)
{
	const char *const names[] = { " first: ", " second: ", c->second ?: " first: " };
	struct counts after = count(c);
	struct matrix_outcome o = { .result = ended(c, before, after) };
	u64 kprobe = after.kprobe - before.kprobe, seen[ARRAY_SIZE(names)];

	if (o.result != MATRIX_NONE)
		return o;
	c->lost = kprobe + after.function - before.function + after.tracepoint - before.tracepoint;
	matrix_count(c, "cat trace", names, ARRAY_SIZE(names), seen);
	c->inside = c->second ? seen[2] : 0;
	if (c->inside)
		c->depth = max(c->depth, 2ul);
	if (c->scenario->look)
		c->scenario->look(c);
	if (!agrees(c, seen[0] + seen[1], kprobe) || c->unclear || seen[0] + c->inside + c->lost == 0) {
		o.result = MATRIX_UNCLEAR;
	} else if (c->reports) {
		o.result = MATRIX_REPORTED;
		o.n = c->reports;
	} else if (c->lost) {
		o.result = MATRIX_LOST;
		o.n = c->lost;
	} else if (c->depth > 1 && !c->scenario->alone) {
		o.result = MATRIX_NESTED;
		o.n = c->depth;
	} else {
		o.result = MATRIX_CLEAN;
	}
	return o;
}

static void set_policy(struct matrix_cell *c)
{
	if (strcmp(c->policy, "flag/before") == 0) {
		matrix_set(c, "recursion/flag_at", "before", "after");
		matrix_set(c, "recursion/policy", "flag", "context");
	} else {
		matrix_set(c, "recursion/policy", c->policy, "context");
	}
}

struct matrix_outcome matrix_play(struct matrix_cell *c)
{
	struct matrix_outcome o = { .result = MATRIX_REFUSED };
	struct counts before;

	c->failed = false;
	c->second = NULL;
	c->depth = c->reports = 0;
	c->unclear = false;
	c->nr_undo = 0;
	matrix_do(c, "echo 1 > health");
	matrix_do(c, "echo > trace");
	/* Beside the tracer probes are calls, too. */
	matrix_set(c, "kprobes/technique", matrix_by_tracer(c) ? "ftrace" : c->technique, "auto");
	set_policy(c);
	if (c->scenario->prepare(c)) {
		if (strcmp(c->technique, "jump") == 0 && !jumps_are_in(c))
			c->failed = true;
		before = count(c);
		matrix_do(c, "nest mark");
		matrix_do(c, "%s", c->scenario->trigger ?: c->trigger);
		o = judge(c, before);
	}
	while (c->nr_undo)
		matrix_do(c, "%s", c->undo[--c->nr_undo]);
	matrix_do(c, "echo > trace");
	matrix_do(c, "cat health");
	o.sick = c->failed;
	return o;
}

const char *matrix_in_the_way(void)
{
	static const struct {
		const char *file, *usual;
	} files[] = {
		{ "recursion/policy", "[context]" },
		{ "recursion/flag_at", "[after]" },
		{ "recursion/consumer", "none\n" },
		{ "kprobes/technique", "[auto]" },
		{ "kprobes/unsafe", "0\n" },
		{ "current_tracer", "nop\n" },
		{ "set_ftrace_filter", "#### all" },
		{ "tracing_on", "1\n" },
		{ "options/stacktrace", "0\n" },
		{ "kprobe_events", "" },
		/* By these something could be missing in the trace, or not be found. */
		{ "set_ftrace_notrace", "#### no" },
		{ "set_ftrace_pid", "no pid" },
		{ "options/print-parent", "1\n" },
		{ "options/context-info", "1\n" },
		{ "options/sym-offset", "0\n" },
		{ "options/sym-addr", "0\n" },
		{ "options/raw", "0\n" },
	};
	struct matrix_cell quiet = { .shown = false };
	char line[64] = "cat ";

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		strscpy(line + 4, files[i].file, sizeof(line) - 4);
		matrix_run(&quiet, line);
		if (*files[i].usual ? !strstr(matrix_said, files[i].usual) : *matrix_said)
			return files[i].file;
	}
	return NULL;
}
