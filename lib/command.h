/* Commands, the shell's and the kernel's, registered beside the code that does the work. */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"

struct command {
	const char *name;
	const char *args; /* for help: "[N|all]" */
	const char *help; /* one line */
	/* 0 or -errno (the shell then prints "sh: name: ERROR TEXT" and the script's status becomes 1). */
	int (*run)(int argc, char **argv, struct seq *out);
};

#define COMMAND(name, args, help, fn)                                           \
	static const struct command command_##name = { #name, args, help, fn }; \
	REGISTER_IN(commands, command_##name)
DECLARE_REGISTRY(commands);
