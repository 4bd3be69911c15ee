/* The command "kill": a server, which init starts again. */
#include "abi/errno.h"
#include "user/sh/shell.h"
#include "lib/command.h"
#include "user/lib/names.h"

static int run(int argc, char **argv, struct seq *out)
{
	s64 err = argc == 2 ? names_kill(argv[1]) : -EINVAL;

	if (err == -ENOENT)
		shell_complain_text(shell_of(out), argv[1], "there is no such server");
	return err == -ENOENT ? 0 : (int)err;
}
COMMAND(kill, "SERVER", "kill a server (console, tracefs), which init starts again", run);
