/* The command "timeout": another command, whose output ends after a while; for files that don't end by themselves. */
#include "abi/errno.h"
#include "user/sh/internal.h"
#include "user/sh/shell.h"
#include "lib/compiler.h"
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

/* Of times inside each other the shortest counts, so they needn't be inside each other: as many stand in a line as have room in it. */
static int run_timeout(int argc, char **argv, struct seq *out)
{
	const struct command *c;
	u64 ns, least = ~0ul;
	int err;

	do {
		if (argc < 3 || !parse_seconds(argv[1], &ns))
			return -EINVAL;
		least = min(least, ns);
		argc -= 2;
		argv += 2;
	} while (strcmp(argv[0], "timeout") == 0);
	c = shell_find_command(argv[0]);
	err = c ? shell_run_for(least, c, argc, argv, out) : 0;
	if (!c)
		shell_complain_text(shell_of(out), argv[0], "command not found");
	else if (err)
		shell_complain_command(shell_of(out), c, argv[0], err);
	return 0;
}
COMMAND(timeout, "SECONDS COMMAND...", "run COMMAND, and end what it prints after SECONDS", run_timeout);
