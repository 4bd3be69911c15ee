/* Runs a script: all of it is read before any of it is done, and each command's output has one place to go. */
#include "user/sh/shell.h"
#include "user/sh/console.h"
#include "user/sh/internal.h"
#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"

/* Whole lines go to the console at once: what else prints there comes between lines, not into one. */
static char begun_line[256];
static size_t line_len;

void shell_flush(void)
{
	if (line_len)
		console_write(begun_line, line_len);
	line_len = 0;
}

static void console_seq_write(struct seq *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		begun_line[line_len++] = text[i];
		if (text[i] == '\n' || line_len == sizeof(begun_line))
			shell_flush();
	}
}

struct seq shell_console = { .write = console_seq_write };

struct shell *shell_of(struct seq *out) { return container_of(out, struct shell, out); }

#define NO_LIMIT (~0ul)

/* How much of @text may still be printed; behind the last line the reader is gone. */
static size_t limit(struct shell *sh, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n' && !--sh->lines) {
			sh->out.in_line = false;
			WRITE_ONCE(sh->out.closed, true);
			return i + 1;
		}
	return len;
}

static void end_write(struct seq *s, const char *text, size_t len)
{
	struct shell *sh = container_of(s, struct shell, end);

	seq_write(sh->command.target ? &sh->collected.seq : &shell_console, text, len);
}

static void out_write(struct seq *s, const char *text, size_t len)
{
	struct shell *sh = shell_of(s);

	sh->printed = true;
	if (sh->lines != NO_LIMIT)
		len = limit(sh, text, len);
	seq_write(sh->pipe ?: &sh->end, text, len);
}

void shell_init(struct shell *sh)
{
	strscpy(sh->cwd, TRACEFS_MOUNT, sizeof(sh->cwd));
	sh->status = 0;
	sh->failed = sh->poweroff = sh->interrupted = false;
	sh->lines = NO_LIMIT;
	sh->out = (struct seq){ .write = out_write };
	sh->pipe = NULL;
	sh->end = (struct seq){ .write = end_write };
}

void shell_interrupt(struct shell *sh)
{
	WRITE_ONCE(sh->interrupted, true);
	tracefs_interrupt(&sh->out);
}

void shell_complain_text(struct shell *sh, const char *name, const char *what)
{
	seq_printf(&shell_console, "sh: %s: %s\n", name, what);
	sh->failed = true;
	sh->status = 1;
}

void shell_complain(struct shell *sh, const char *name, int err)
{
	shell_complain_text(sh, name, strerror(err));
}

/* Who has said nothing yet of what is wrong may have been given other words than he takes. */
void shell_complain_command(struct shell *sh, const struct command *c, const char *name, int err)
{
	shell_complain(sh, name, err);
	if (err == -EINVAL && !sh->printed && c->args)
		seq_printf(&shell_console, "usage: %s %s\n", name, c->args);
}

/* The words alone: nothing to do for "> FILE", which only truncates. */
static void run_words(struct shell *sh, struct shell_command *cmd)
{
	const struct command *c;
	int err;

	if (!cmd->argc)
		return;
	c = shell_find_command(cmd->argv[0]);
	if (!c) {
		shell_complain_text(sh, cmd->argv[0], "command not found");
		return;
	}
	sh->printed = false;
	err = c->run(cmd->argc, cmd->argv, &sh->out);
	if (err)
		shell_complain_command(sh, c, cmd->argv[0], err);
	if (sh->pipe)
		shell_end_pipe(sh);
}

/* The file is there and refused what it was told: that its reason is ENOENT must not read as if it weren't. */
static void complain_write(struct shell *sh, const char *target, int err)
{
	char what[80];

	snprintf(what, sizeof(what), "write error: %s", strerror(err));
	shell_complain_text(sh, target, what);
}

/*
 * With a target the output is collected and becomes one write, since to a control file a write is a
 * whole request. A target that cannot be written stops the command before it does anything, and a
 * command that failed writes nothing: half an answer would be a different request.
 */
static void run_redirected(struct shell *sh, struct shell_command *cmd)
{
	struct seq_buf *text = &sh->collected;
	char path[TRACEFS_PATH_MAX];
	int err = tracefs_resolve(sh->cwd, cmd->target, path);

	if (!err)
		err = tracefs_may_write(path);
	if (err) {
		shell_complain(sh, cmd->target, err);
		return;
	}
	seq_buf_init(text, sh->collected_text, sizeof(sh->collected_text));
	run_words(sh, cmd);
	if (sh->failed || READ_ONCE(sh->interrupted))
		return;
	if (text->seq.overflow) {
		shell_complain(sh, cmd->target, -E2BIG);
		return;
	}
	err = tracefs_write(path, text->buf, text->len, cmd->append);
	if (err)
		complain_write(sh, cmd->target, err);
}

void shell_run_command(struct shell *sh, struct shell_command *cmd)
{
	sh->failed = false;
	sh->lines = NO_LIMIT;
	sh->out.in_line = false;
	/* First the one, then the other, as shell_interrupt() does: it isn't forgotten. */
	__atomic_store_n(&sh->out.closed, false, __ATOMIC_SEQ_CST);
	if (READ_ONCE(sh->interrupted)) /* just before */
		return;
	if (cmd->target)
		run_redirected(sh, cmd);
	else
		run_words(sh, cmd);
	shell_flush();
}

/* Reads the whole script and says what is wrong with it. */
static bool check_syntax(struct shell *sh, const char *text, size_t len)
{
	struct parser p;
	unsigned line, column;
	int more;

	parser_init(&p, text, len);
	while ((more = parse_command(&p, &sh->command)) > 0)
		;
	if (!more)
		return true;
	parser_where(&p, p.error_pos, &line, &column);
	seq_printf(&shell_console, "sh: line %u, column %u: %s\n", line, column, p.error);
	sh->status = 1;
	return false;
}

int shell_run(struct shell *sh, const char *text, size_t len)
{
	struct parser p;

	if (!check_syntax(sh, text, len))
		return sh->status;
	parser_init(&p, text, len);
	WRITE_ONCE(sh->interrupted, false);
	while (!sh->poweroff && !READ_ONCE(sh->interrupted)) {
		struct parser from = p;

		if (parse_command(&p, &sh->command) <= 0)
			break;
		if (sh->command.piped)
			shell_run_pipeline(sh, &p, from);
		else
			shell_run_command(sh, &sh->command);
	}
	return sh->status;
}
