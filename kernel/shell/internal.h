/* What the shell's files share beyond shell.h. */
#pragma once

#include "lib/command.h"
#include "lib/seq.h"

/* The console as a sink. */
extern struct seq shell_console;
/* The registered command with the least name above @after, NULL past the last: a sorted walk from "". */
const struct command *shell_next_command(const char *after);
const struct command *shell_find_command(const char *name);
