/* Commands of the kernel for who isn't its shell: words in, text out. */
#include "abi/errno.h"
#include "kernel/stream.h"
#include "lib/command.h"
#include "lib/ctl.h"
#include "lib/string.h"

#define WORDS_MAX 64

static const struct command *find(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (strcmp((*c)->name, name) == 0 && !(*c)->of_shell)
			return *c;
	return NULL;
}

int command_run(char *words, size_t len, struct seq *out)
{
	char *argv[WORDS_MAX + 1];
	const struct command *c;
	int argc = 0;

	for (size_t at = 0; at < len; at += strlen(words + at) + 1) {
		if (argc == WORDS_MAX)
			return -E2BIG;
		argv[argc++] = words + at;
	}
	argv[argc] = NULL;
	c = argc ? find(argv[0]) : NULL;
	return c ? c->run(argc, argv, out) : -ENOENT;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (!(*c)->of_shell)
			seq_printf(out, "%s\t%s\t%s\n", (*c)->name, (*c)->args ?: "", (*c)->help);
	return 0;
}
CTL_FILE(ctl_commands, .path = "commands", .show = show);
