/* The command "exec": a program from the boot module, until it ends. */
#include "abi/errno.h"
#include "kernel/program.h"
#include "lib/command.h"

static int wait_for(struct process *p, struct notification *n, struct seq *out, const char *name)
{
	int status = 0;
	u64 bits;

	if (process_watch(p, n, 1) != 0)
		return -EBUSY;
	notification_wait(n, IPC_FOR_EVER, &bits);
	process_status(p, &status);
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
