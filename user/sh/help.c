/* The command "help": what the registry knows, sorted. */
#include "user/sh/shell.h"
#include "user/sh/internal.h"
#include "lib/string.h"

#define USAGE_COLUMNS 24

static const char *args_of(const struct command *c) { return c->args ? c->args : ""; }

static void help_all(struct seq *out)
{
	const struct command *c = shell_next_command("");

	for (; c; c = shell_next_command(c->name)) {
		size_t used = min(strlen(c->name), (size_t)USAGE_COLUMNS);

		seq_printf(out, "%s %-*s %s\n", c->name, (int)(USAGE_COLUMNS - used), args_of(c), c->help);
	}
}

static int run_help(int argc, char **argv, struct seq *out)
{
	if (argc == 1)
		help_all(out);
	for (int i = 1; i < argc; i++) {
		const struct command *c = shell_find_command(argv[i]);

		if (c)
			seq_printf(out, "%s%s%s\n\t%s\n", c->name, *args_of(c) ? " " : "", args_of(c),
				   c->help);
		else
			shell_complain_text(shell_of(out), argv[i], "command not found");
	}
	return 0;
}
COMMAND(help, "[COMMAND...]", "list the commands, or explain one", run_help);
