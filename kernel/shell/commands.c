/* The registered commands, by name and in order; pipes are for the shell in user mode. */
#include "kernel/shell/internal.h"
#include "kernel/shell/shell.h"
#include "lib/string.h"

const struct command *shell_find_command(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

const struct command *shell_next_command(const char *after)
{
	const struct command *best = NULL;

	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (strcmp((*c)->name, after) > 0 && (!best || strcmp((*c)->name, best->name) < 0))
			best = *c;
	return best;
}

void shell_end_pipe(struct shell *sh) {}

void shell_run_pipeline(struct shell *sh, struct parser *p, struct parser from)
{
	while (sh->command.piped && parse_command(p, &sh->command) > 0)
		;
	shell_complain_text(sh, "|", "the kernel's own shell has no pipes");
}
