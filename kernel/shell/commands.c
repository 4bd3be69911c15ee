/* The registered commands, by name and in order. */
#include "kernel/shell/internal.h"
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
