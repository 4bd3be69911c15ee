/*
 * The kernel's commands: words in, text out. They needn't be written for several users, so each has one at a time: one that was left,
 * as by ^C, may still be running when its next user comes.
 */
#include "abi/errno.h"
#include "kernel/stream.h"
#include "lib/bug.h"
#include "lib/command.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "sched/wait.h"

#define WORDS_MAX 64

static const struct command *const *find(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (strcmp((*c)->name, name) == 0)
			return c;
	return NULL;
}

static u64 running; /* a bit for each */
static struct wait_queue turn = { .lock = SPINLOCK_INIT(command),
				  .waiters = { &turn.waiters, &turn.waiters } };

static bool take(u64 bit) { return !(__atomic_fetch_or(&running, bit, __ATOMIC_ACQUIRE) & bit); }

static int run(const struct command *const *at, int argc, char **argv, struct seq *out)
{
	size_t index = (size_t)(at - (const struct command *const *)__start_commands);
	u64 bit = 1ul << index;
	bool mine = false;
	int err;

	BUG_ON(index >= 64);
	wait_event(&turn, (mine = take(bit)) || seq_is_closed(out));
	if (!mine)
		return -EINTR;
	err = (*at)->run(argc, argv, out);
	__atomic_fetch_and(&running, ~bit, __ATOMIC_RELEASE);
	wake_all(&turn);
	return err;
}

void command_interrupted(void) { wake_all(&turn); }

int command_run(char *words, size_t len, struct seq *out)
{
	const struct command *const *c;
	char *argv[WORDS_MAX + 1];
	int argc = 0;

	for (size_t at = 0; at < len; at += strlen(words + at) + 1) {
		if (argc == WORDS_MAX)
			return -E2BIG;
		argv[argc++] = words + at;
	}
	argv[argc] = NULL;
	c = argc ? find(argv[0]) : NULL;
	return c ? run(c, argc, argv, out) : -ENOENT;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		seq_printf(out, "%s\t%s\t%s\n", (*c)->name, (*c)->args ?: "", (*c)->help);
	return 0;
}
CTL_FILE(ctl_commands, .path = "commands", .show = show);
