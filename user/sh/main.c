/* The shell as a program: a script, or a person; its status is the script's. */
#include "user/sh/shell.h"
#include "user/lib/memory.h"
#include "user/lib/user.h"
#include "user/sh/sh.h"

static const char *script(void)
{
	return memory_map(program()->given[1], (program()->script_bytes + PAGE_SIZE - 1) / PAGE_SIZE,
			  RIGHT_READ);
}

int main(int argc, char **argv)
{
	const char *text;

	if (!sh_watch_start() || !sh_archive_init())
		return 1;
	if (!program()->given[1])
		return shell_interactive();
	text = script();
	return text || !program()->script_bytes ? shell_run_script(text, program()->script_bytes) : 1;
}
