/* Commands at functions, as set_ftrace_filter takes them: "function:command" and "function:command:count". */
#pragma once

#include "lib/seq.h"
#include "lib/types.h"

/*
 * Thread context. A word with a colon in it, "!" in front to remove; on return it is as it was. NULL, or what is wrong
 * with it. Without @apply it is only looked at; with it only between begin and end.
 */
const char *ftrace_command(char *word, bool apply);
/* Thread context. Makes ready for the commands that have been looked at: 0 or -errno. */
int ftrace_commands_begin(void);
void ftrace_commands_end(void);
void ftrace_commands_show(struct seq *out);
/* Boot, once. */
void ftrace_commands_init(void);
