/* The command "nest": the files of that name, for people who would rather type one word. */
#include "abi/errno.h"
#include "lib/command.h"
#include "lib/string.h"
#include "tracefs/tracefs.h"

static int nest(int argc, char **argv, struct seq *out)
{
	if (argc == 1)
		return tracefs_read(TRACEFS_MOUNT "/nest", out);
	if (argc == 2 && strcmp(argv[1], "-f") == 0)
		return tracefs_read(TRACEFS_MOUNT "/nest_pipe", out);
	if (argc == 2 && strcmp(argv[1], "mark") == 0)
		return tracefs_write(TRACEFS_MOUNT "/nest", "1\n", 2, false);
	return -EINVAL;
}
COMMAND(nest, "[mark|-f]", "draw how traps nested since the last mark; -f: as they come, until ^C", nest);
