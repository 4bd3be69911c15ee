/* The command "timeout": another command, whose output ends after a while; for files that don't end by themselves. */
#include "abi/errno.h"
#include "user/sh/internal.h"
#include "user/sh/shell.h"
#include "lib/string.h"

#define SECONDS_MAX 1000000

/* "2", "0.25". */
static bool parse_seconds(const char *text, u64 *ns)
{
	const char *dot = strchr(text, '.');
	size_t whole = dot ? (size_t)(dot - text) : strlen(text), digits = dot ? strlen(dot + 1) : 0;
	u64 s, fraction = 0;

	if (!parse_u64(text, whole, 10, &s) || s > SECONDS_MAX || digits > 9)
		return false;
	if (dot && !parse_u64(dot + 1, digits, 10, &fraction))
		return false;
	while (digits++ < 9)
		fraction *= 10;
	*ns = s * 1000000000 + fraction;
	return true;
}

static int run_timeout(int argc, char **argv, struct seq *out)
{
	const struct command *c = argc > 2 ? shell_find_command(argv[2]) : NULL;
	u64 ns;

	if (argc < 3 || !parse_seconds(argv[1], &ns))
		return -EINVAL;
	if (!c) {
		shell_complain_text(shell_of(out), argv[2], "command not found");
		return 0;
	}
	return shell_run_for(ns, c, argc - 2, argv + 2, out);
}
COMMAND(timeout, "SECONDS COMMAND...", "run COMMAND, and end what it prints after SECONDS", run_timeout);
