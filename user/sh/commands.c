/* The commands that there are: the shell's own, the kernel's, which the file "commands" tells, and programs of the boot module. */
#include "abi/errno.h"
#include "abi/stream.h"
#include "user/sh/internal.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "tracefs/tracefs.h"
#include "user/lib/heap.h"
#include "user/lib/trace.h"
#include "user/sh/sh.h"

#define KERNEL_MAX 64
#define TEXT_MAX   16384

#define PROGRAMS_MAX	 32
#define PROGRAM_NAME_MAX 32
#define PROGRAM_HELP	 "a program of the boot module"

/* What the kernel said, cut into strings. */
static struct command kernel[KERNEL_MAX];
static size_t nr_kernel;

static const struct command *find_own(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

/* All that a file prints; NULL: it failed, or there is no memory. */
static char *read_file(const char *path)
{
	struct seq_buf b;
	char *text = heap_alloc(TEXT_MAX);

	if (!text)
		return NULL;
	seq_buf_init(&b, text, TEXT_MAX);
	if (!tracefs_read(path, &b.seq))
		return text;
	heap_free(text);
	return NULL;
}

/* Cuts the text at the next @end: what stands before it; NULL: there is none. */
static char *take(char **text, char end)
{
	char *start = *text, *at = strchr(start, end);

	if (!at)
		return NULL;
	*at = '\0';
	*text = at + 1;
	return start;
}

/* Each line is a name, the arguments and a sentence, with tabs between. The text stays. */
static void load(void)
{
	char *rest = read_file(TRACEFS_MOUNT "/commands"), *name, *args, *help;

	while (rest && nr_kernel < KERNEL_MAX && (name = take(&rest, '\t')) && (args = take(&rest, '\t')) &&
	       (help = take(&rest, '\n')))
		kernel[nr_kernel++] =
			(struct command){ .name = name, .args = args, .help = help, .run = sh_run_kernel };
}

static const struct command *find_kernel(const char *name)
{
	if (!nr_kernel)
		load();
	for (size_t i = 0; i < nr_kernel; i++)
		if (!strcmp(kernel[i].name, name))
			return &kernel[i];
	return NULL;
}

/* As many as there is room for are in help, and in what Tab looks for; any can be run. */
static struct command programs[PROGRAMS_MAX];
static size_t nr_programs;

static void add_program(const struct archive_file *f)
{
	static char names[PROGRAMS_MAX][PROGRAM_NAME_MAX];

	if (nr_programs == PROGRAMS_MAX || strlen(f->name) >= PROGRAM_NAME_MAX)
		return;
	strscpy(names[nr_programs], f->name, PROGRAM_NAME_MAX);
	programs[nr_programs] =
		(struct command){ .name = names[nr_programs], .help = PROGRAM_HELP, .run = sh_run_program };
	nr_programs++;
}

const struct command *shell_find_command(const char *name)
{
	static struct command program = { .help = PROGRAM_HELP, .run = sh_run_program };
	struct archive_file f;
	const struct command *c = find_own(name) ?: find_kernel(name);

	program.name = name;
	return c ?: sh_find_program(name, &f) ? &program : NULL;
}

static const struct command *nearer(const struct command *best, const struct command *c, const char *after)
{
	return strcmp(c->name, after) > 0 && (!best || strcmp(c->name, best->name) < 0) ? c : best;
}

/* Where both have one, the shell's own is met first. */
const struct command *shell_next_command(const char *after)
{
	const struct command *best = NULL;

	if (!nr_kernel)
		load();
	if (!nr_programs)
		sh_each_program(add_program);
	FOR_EACH_REGISTERED(commands, const struct command, c)
		best = nearer(best, *c, after);
	for (size_t i = 0; i < nr_kernel; i++)
		best = nearer(best, &kernel[i], after);
	for (size_t i = 0; i < nr_programs; i++)
		best = nearer(best, &programs[i], after);
	return best;
}

/* Word by word, each with a NUL behind it. */
int sh_run_kernel(int argc, char **argv, struct seq *out)
{
	char text[STREAM_TEXT_MAX];
	size_t len = 0;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]) + 1;

		if (n > sizeof(text) - len)
			return -E2BIG;
		memcpy(text + len, argv[i], n);
		len += n;
	}
	return sh_read_stream(trace_open(text, len, STREAM_COMMAND), out);
}
