/* The commands that are the shell's own: moving in the tree of control files, printing, and leaving. */
#include "user/sh/shell.h"
#include "abi/errno.h"
#include "lib/command.h"
#include "lib/string.h"

static void print_entry(void *arg, const char *name, bool is_dir)
{
	seq_printf(arg, "%s%s\n", name, is_dir ? "/" : "");
}

/* A file's listing is its name, a directory's its entries, under a heading when there are several. */
static int list(struct seq *out, const char *path, const char *as_typed, bool heading)
{
	bool is_dir;
	int err = tracefs_stat(path, &is_dir);

	if (err)
		return err;
	if (!is_dir) {
		seq_printf(out, "%s\n", as_typed);
		return 0;
	}
	if (heading)
		seq_printf(out, "%s:\n", as_typed);
	return tracefs_readdir(path, print_entry, out);
}

static int run_ls(int argc, char **argv, struct seq *out)
{
	struct shell *sh = shell_of(out);
	char path[TRACEFS_PATH_MAX];

	if (argc == 1)
		return list(out, sh->cwd, ".", false);
	for (int i = 1; i < argc; i++) {
		int err = tracefs_resolve(sh->cwd, argv[i], path);

		if (!err)
			err = list(out, path, argv[i], argc > 2);
		if (err)
			shell_complain(sh, argv[i], err);
	}
	return 0;
}
COMMAND(ls, "[PATH...]", "list control files; directories end in '/'", run_ls);

static int run_cat(int argc, char **argv, struct seq *out)
{
	struct shell *sh = shell_of(out);
	char path[TRACEFS_PATH_MAX];

	if (argc == 1)
		return -EINVAL;
	for (int i = 1; i < argc; i++) {
		int err = tracefs_resolve(sh->cwd, argv[i], path);

		if (!err)
			err = tracefs_read(path, out);
		if (err)
			shell_complain(sh, argv[i], err);
	}
	return 0;
}
COMMAND(cat, "PATH...", "print control files", run_cat);

static int run_head(int argc, char **argv, struct seq *out)
{
	bool given = argc == 4 && strcmp(argv[1], "-n") == 0;
	struct shell *sh = shell_of(out);
	u64 n = 10;

	if ((argc != 2 && !given) || (given && !parse_u64(argv[2], strlen(argv[2]), 10, &n)))
		return -EINVAL;
	if (!n)
		return 0;
	sh->lines = n;
	return run_cat(2, argv + argc - 2, out);
}
COMMAND(head, "[-n N] PATH", "print the first N lines, 10 without -n, and read no more", run_head);

static int run_echo(int argc, char **argv, struct seq *out)
{
	bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;
	int first = newline ? 1 : 2;

	for (int i = first; i < argc; i++) {
		if (i > first)
			seq_putc(out, ' ');
		seq_puts(out, argv[i]);
	}
	if (newline)
		seq_putc(out, '\n');
	return 0;
}
COMMAND(echo, "[-n] [TEXT...]", "print TEXT; -n leaves out the newline", run_echo);

static int run_cd(int argc, char **argv, struct seq *out)
{
	struct shell *sh = shell_of(out);
	const char *to = argc > 1 ? argv[1] : TRACEFS_MOUNT;
	char path[TRACEFS_PATH_MAX];
	int err;

	if (argc > 2)
		return -E2BIG;
	err = tracefs_resolve(sh->cwd, to, path);
	if (!err)
		err = tracefs_check_dir(path);
	if (err)
		shell_complain(sh, to, err);
	else
		strscpy(sh->cwd, path, sizeof(sh->cwd));
	return 0;
}
COMMAND(cd, "[PATH]", "change the directory; without PATH to " TRACEFS_MOUNT, run_cd);

static int run_pwd(int argc, char **argv, struct seq *out)
{
	seq_printf(out, "%s\n", shell_of(out)->cwd);
	return 0;
}
COMMAND(pwd, "", "print the current directory", run_pwd);

static int run_poweroff(int argc, char **argv, struct seq *out)
{
	shell_of(out)->poweroff = true;
	return 0;
}
COMMAND(poweroff, "", "end the machine with the status so far", run_poweroff);
