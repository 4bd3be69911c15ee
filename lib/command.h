/* Shell commands, registered beside the code that does the work. */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"

struct command {
	const char *name;
	const char *args; /* for help: "[N|all]" */
	const char *help; /* one line */
	/* 0 or -errno (the shell then prints "sh: name: ERROR TEXT" and the script's status becomes 1). */
	int (*run)(int argc, char **argv, struct seq *out);
	bool of_shell; /* it works on the shell that runs it, so nobody else may */
};

#define COMMAND(name, args, help, fn)                                                  \
	static const struct command command_##name = { #name, args, help, fn, false }; \
	REGISTER_IN(commands, command_##name)
/* For what asks shell_of() the sink. */
#define SHELL_COMMAND(name, args, help, fn)                                           \
	static const struct command command_##name = { #name, args, help, fn, true }; \
	REGISTER_IN(commands, command_##name)
DECLARE_REGISTRY(commands);
