/* The command "exec": a program from the boot module, until it ends. */
#include "abi/errno.h"
#include "kernel/program.h"
#include "lib/command.h"
#include "trace/clock.h"

#define LOOK \
	50000000ul /* ns: so often, whether anybody still wants it; who doesn't any more tells only who prints */

static int wait_for(struct process *p, struct notification *n, struct seq *out, const char *name)
{
	int status = 0;
	u64 bits;

	if (process_watch(p, n, 1) != 0)
		return -EBUSY;
	while (notification_wait(n, trace_clock() + LOOK, &bits) == -ETIMEDOUT)
		if (seq_is_closed(out))
			process_kill(p, -EINTR);
	process_status(p, &status);
	if (seq_is_closed(out))
		return 0;
	if (status)
		seq_printf(out, "exec: %s: status %d\n", name, status);
	return status ? -EIO : 0;
}

static int run(int argc, char **argv, struct seq *out)
{
	struct notification *n;
	struct archive_file f;
	struct process *p;
	const char *why;
	int err;

	if (argc != 2)
		return -EINVAL;
	n = notification_create();
	if (!n)
		return -ENOMEM;
	p = program_find(argv[1], &f, &why) ? program_start(argv[1], &f, PRIORITY_DEFAULT, &why) : NULL;
	if (!p)
		seq_printf(out, "exec: %s: %s\n", argv[1], why);
	err = p ? wait_for(p, n, out, argv[1]) : -ENOENT;
	if (p)
		object_put(&p->object);
	object_put(&n->object);
	return err;
}
COMMAND(exec, "PROGRAM", "run a program of the boot module, in user mode", run);
