/* Plays the sweep's scripts: control files read and written, and the kernel's commands, in as much of a shell's grammar as they use. */
#include "abi/errno.h"
#include "lib/bug.h"
#include "lib/command.h"
#include "lib/string.h"
#include "rcu/rcu.h"
#include "sched/timer.h"
#include "tests/kernel/sweep.h"
#include "trace/clock.h"
#include "tracefs/tracefs.h"

#define WORDS_MAX    64
#define LINE_MAX     4096
#define ALL_LINES    (~0ul)
#define NS_PER_S     1000000000ul
#define is_end(c)    (!(c) || (c) == ';' || (c) == '\n')
#define ends_word(c) (is_end(c) || (c) == ' ' || (c) == '>')

static struct player {
	char cwd[TRACEFS_PATH_MAX];
	int argc;
	char *argv[WORDS_MAX + 1], *target; /* what follows '>'; NULL: nothing */
	bool append, failed;
	char words[LINE_MAX];
	u64 lines;	    /* that may still be printed: "head" sets it */
	struct seq out;	    /* what commands print to */
	struct seq *end;    /* where that goes */
	struct seq *sink;   /* or what is complained of */
	struct seq_buf all; /* the target's text */
	char text[TRACEFS_WRITE_MAX + 1];
} * player;

int sweep_play_prepare(void)
{
	player = sweep_pages(sizeof(*player));
	return player ? 0 : -ENOMEM;
}

/* Behind the last line the reader is gone. */
static size_t limit(struct player *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n' && !--p->lines) {
			p->out.in_line = false;
			WRITE_ONCE(p->out.closed, true);
			return i + 1;
		}
	return len;
}

static void out_write(struct seq *s, const char *text, size_t len)
{
	struct player *p = container_of(s, struct player, out);

	seq_write(p->end, text, p->lines == ALL_LINES ? len : limit(p, text, len));
}

static void complain(const char *name, int err)
{
	seq_printf(player->sink, "%s: %s\n", name, strerror(err));
	player->failed = true;
}

static int with_path(const char *name, int (*fn)(const char *path, struct seq *out), struct seq *out)
{
	char path[TRACEFS_PATH_MAX];
	int err = tracefs_resolve(player->cwd, name, path) ?: fn(path, out);

	if (err)
		complain(name, err);
	return 0;
}

static void print_name(void *arg, const char *name, bool is_dir)
{
	seq_printf(arg, "%s%s\n", name, is_dir ? "/" : "");
}

static int list(const char *path, struct seq *out) { return tracefs_readdir(path, print_name, out); }

static int run_ls(int argc, char **argv, struct seq *out)
{
	if (argc == 1)
		return list(player->cwd, out);
	for (int i = 1; i < argc; i++)
		with_path(argv[i], list, out);
	return 0;
}

static int run_cat(int argc, char **argv, struct seq *out)
{
	for (int i = 1; i < argc; i++)
		with_path(argv[i], tracefs_read, out);
	return argc == 1 ? -EINVAL : 0;
}

static int run_head(int argc, char **argv, struct seq *out)
{
	bool given = argc == 4 && strcmp(argv[1], "-n") == 0;
	u64 n = 10;

	if ((argc != 2 && !given) || (given && !parse_u64(argv[2], strlen(argv[2]), 10, &n)) || !n)
		return -EINVAL;
	player->lines = n;
	return run_cat(2, argv + argc - 2, out);
}

static int run_echo(int argc, char **argv, struct seq *out)
{
	int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;

	for (int i = first; i < argc; i++)
		seq_printf(out, "%s%s", i > first ? " " : "", argv[i]);
	if (first == 1)
		seq_putc(out, '\n');
	return 0;
}

static int go(const char *path, struct seq *out)
{
	int err = tracefs_check_dir(path);

	if (!err)
		strscpy(player->cwd, path, sizeof(player->cwd));
	return err;
}

static int run_cd(int argc, char **argv, struct seq *out)
{
	return with_path(argc > 1 ? argv[1] : TRACEFS_MOUNT, go, out);
}

static int run_pwd(int argc, char **argv, struct seq *out)
{
	seq_printf(out, "%s\n", player->cwd);
	return 0;
}

struct alarm {
	struct timer timer;
	struct seq *out;
};

static void ring(struct timer *t) { tracefs_interrupt(container_of(t, struct alarm, timer)->out); }

static int run(int argc, char **argv, struct seq *out);

static int run_timeout(int argc, char **argv, struct seq *out)
{
	struct alarm alarm = { .out = out };
	int err;
	u64 s;

	if (argc < 3 || !parse_u64(argv[1], strlen(argv[1]), 10, &s))
		return -EINVAL;
	timer_init(&alarm.timer, ring);
	timer_set(&alarm.timer, trace_clock() + s * NS_PER_S);
	err = run(argc - 2, argv + 2, out);
	timer_cancel(&alarm.timer);
	return err;
}

static const struct command own[] = {
	{ "ls", .run = run_ls },	   { "cat", .run = run_cat }, { "head", .run = run_head },
	{ "echo", .run = run_echo },	   { "cd", .run = run_cd },   { "pwd", .run = run_pwd },
	{ "timeout", .run = run_timeout },
};

/* Not by command_run(): a sweep may have a sweep inside, and there each command has one user. */
static int run(int argc, char **argv, struct seq *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(own[i].name, argv[0]) == 0)
			return own[i].run(argc, argv, out);
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (strcmp((*c)->name, argv[0]) == 0)
			return (*c)->run(argc, argv, out);
	return -ENOENT;
}

static void run_words(struct player *p)
{
	int err = p->argc ? run(p->argc, p->argv, &p->out) : 0;

	if (err)
		complain(p->argv[0], err);
}

static void run_redirected(struct player *p)
{
	char path[TRACEFS_PATH_MAX];
	int err = tracefs_resolve(p->cwd, p->target, path) ?: tracefs_may_write(path);

	if (!err) {
		seq_buf_init(&p->all, p->text, sizeof(p->text));
		p->end = &p->all.seq;
		run_words(p);
		if (!p->failed)
			err = tracefs_write(path, p->text, p->all.len, p->append);
	}
	if (err)
		complain(p->target, err);
}

/* Up to where quotes and what they keep together end; what is read goes to @to, with a NUL. */
static const char *read_word(const char *at, char **to)
{
	char quote = 0;

	for (; *at && (quote || !ends_word(*at)); at++) {
		if (quote ? *at == quote : *at == '\'' || *at == '"')
			quote = (char)(quote ? 0 : *at);
		else if (*at == '\\' && quote != '\'' && at[1])
			*(*to)++ = *++at;
		else
			*(*to)++ = *at;
	}
	*(*to)++ = '\0';
	return at;
}

/* One command: what stands behind its end. */
static const char *read_command(struct player *p, const char *at)
{
	char *to = p->words;

	p->argc = 0;
	p->target = NULL;
	while (!is_end(*at)) {
		if (*at == ' ') {
			at++;
		} else if (*at == '>') {
			p->append = at[1] == '>';
			at += p->append ? 2 : 1;
			while (*at == ' ')
				at++;
			p->target = to;
			at = read_word(at, &to);
		} else {
			BUG_ON(p->argc == WORDS_MAX);
			p->argv[p->argc++] = to;
			at = read_word(at, &to);
		}
	}
	p->argv[p->argc] = NULL;
	return *at ? at + 1 : at;
}

void sweep_play(const char *script, struct seq *sink)
{
	struct player *p = player;

	BUG_ON(strlen(script) >= LINE_MAX);
	strscpy(p->cwd, TRACEFS_MOUNT, sizeof(p->cwd));
	p->sink = sink;
	while (*script) {
		script = read_command(p, script);
		p->failed = false;
		p->lines = ALL_LINES;
		p->out = (struct seq){ .write = out_write };
		p->end = sink;
		if (p->target)
			run_redirected(p);
		else
			run_words(p);
		rcu_tasks_qs(); /* a script may be long and never block: who waits for threads must hear from it */
	}
}
