/* Commands of the matrix: run in a shell of their own, which keeps what they say. */
#include "user/sh/internal.h"
#include "user/sh/matrix.h"
#include "user/sh/shell.h"
#include "lib/printf.h"
#include "lib/string.h"

#define SAID_MAX 32768
#define LINE_MAX MATRIX_LINE
/* No probe is looked for further behind a function's beginning. */
#define REACH 48

char matrix_said[SAID_MAX];
static size_t said_len;
static void (*print)(struct seq *s, const char *text, size_t len);
static bool printed;

/* What is looked for in each line, as it comes. */
static const char *const *parts;
static unsigned nr_parts;
static u64 *counts;
static char begun[LINE_MAX];
static size_t begun_len;

static struct shell shell;

static void count_line(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			if (begun_len < LINE_MAX - 1)
				begun[begun_len++] = text[i];
			continue;
		}
		begun[begun_len] = 0;
		for (unsigned p = 0; p < nr_parts; p++)
			counts[p] += strstr(begun, parts[p]) != NULL;
		begun_len = 0;
	}
}

static void keep(struct seq *s, const char *text, size_t len)
{
	size_t n = min(len, SAID_MAX - 1 - said_len);

	memcpy(matrix_said + said_len, text, n);
	said_len += n;
	matrix_said[said_len] = 0;
	if (nr_parts)
		count_line(text, len);
	if (printed)
		print(s, text, len);
}

static bool run(const char *command, bool shown)
{
	bool failed;

	print = shell_console.write;
	printed = shown;
	said_len = 0;
	matrix_said[0] = 0;
	shell_console.write = keep;
	shell_init(&shell);
	failed = shell_run(&shell, command, strlen(command));
	shell_console.write = print;
	return !failed;
}

static void show(const struct matrix_cell *c, const char *command)
{
	if (c->shown)
		seq_printf(&shell_console, "# %s\n", command);
}

bool matrix_run(struct matrix_cell *c, const char *command)
{
	show(c, command);
	return run(command, c->shown);
}

void matrix_count(struct matrix_cell *c, const char *command, const char *const *look_for, unsigned n,
		  u64 *found)
{
	parts = look_for;
	nr_parts = n;
	counts = found;
	begun_len = 0;
	for (unsigned i = 0; i < n; i++)
		found[i] = 0;
	matrix_run(c, command);
	nr_parts = 0;
}

void matrix_do(struct matrix_cell *c, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!matrix_run(c, line))
		c->failed = true;
}

void matrix_undo(struct matrix_cell *c, const char *fmt, ...)
{
	va_list ap;

	if (c->nr_undo == MATRIX_UNDO) {
		c->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(c->undo[c->nr_undo++], sizeof(c->undo[0]), fmt, ap);
	va_end(ap);
}

void matrix_set(struct matrix_cell *c, const char *file, const char *value, const char *usual)
{
	matrix_undo(c, "echo %s > %s", usual, file);
	matrix_do(c, "echo %s > %s", value, file);
}

bool matrix_by_tracer(const struct matrix_cell *c) { return strcmp(c->technique, "function") == 0; }

static void definition(char *line, const char *name, const char *function, unsigned offset, const char *args)
{
	if (offset)
		snprintf(line, LINE_MAX, "echo 'p:matrix/%s %s+%u%s' >> kprobe_events", name, function,
			 offset, args);
	else
		snprintf(line, LINE_MAX, "echo 'p:matrix/%s %s%s' >> kprobe_events", name, function, args);
}

bool matrix_probe(struct matrix_cell *c, const char *name, const char *function, unsigned skip,
		  const char *args)
{
	bool called = matrix_by_tracer(c) || strcmp(c->technique, "ftrace") == 0;
	unsigned begin = called ? 0 : skip, end = called ? 0 : skip + REACH, offset = begin;
	char line[LINE_MAX];

	do
		definition(line, name, function, offset, args);
	while (!run(line, false) && offset++ < end);
	if (offset > end) {
		definition(line, name, function, begin, args);
		matrix_run(c, line);
		return false;
	}
	show(c, line);
	matrix_undo(c, "echo -:matrix/%s >> kprobe_events", name);
	return true;
}

void matrix_enable(struct matrix_cell *c, const char *name)
{
	matrix_undo(c, "echo 0 > events/matrix/%s/enable", name);
	matrix_do(c, "echo 1 > events/matrix/%s/enable", name);
}

bool matrix_second(struct matrix_cell *c, const char *function, unsigned skip, const char *filter)
{
	static char traced[64];
	char line[LINE_MAX];

	c->second = " second: ";
	if (!matrix_by_tracer(c)) {
		if (!matrix_probe(c, "second", function, skip, ""))
			return false;
		if (filter)
			matrix_do(c, "echo '%s' > events/matrix/second/filter", filter);
		matrix_enable(c, "second");
		return true;
	}
	snprintf(traced, sizeof(traced), ": %s <-", function);
	c->second = traced;
	/* From what there is; from none, if that is all. */
	snprintf(line, sizeof(line), "echo %s >> set_ftrace_filter", function);
	if (!matrix_run(c, line))
		return false;
	matrix_undo(c, "echo > set_ftrace_filter");
	matrix_set(c, "current_tracer", "function", "nop");
	return true;
}

u64 matrix_number(const char *word)
{
	const char *at = strstr(matrix_said, word);
	u64 n = 0;

	if (!at)
		return 0;
	for (at += strlen(word); isspace(*at);)
		at++;
	for (; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (u64)(*at - '0');
	return n;
}
