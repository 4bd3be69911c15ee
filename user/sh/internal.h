/* What the shell's files share beyond shell.h. */
#pragma once

#include "lib/command.h"
#include "lib/seq.h"

struct shell;

/* The console as a sink, a line at a time; shell_flush() when the last one may have no end. */
extern struct seq shell_console;
void shell_flush(void);
/* As shell_complain(), for a command that has returned @err: with what it takes, if that may be the reason. */
void shell_complain_command(struct shell *sh, const struct command *c, const char *name, int err);
/* The registered command with the least name above @after, NULL past the last: a sorted walk from "". */
const struct command *shell_next_command(const char *after);
const struct command *shell_find_command(const char *name);
/* Runs @c, and after @ns nanoseconds ends what it prints to @out. What it returns. */
int shell_run_for(u64 ns, const struct command *c, int argc, char **argv, struct seq *out);
