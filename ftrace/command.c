/*
 * traceoff, traceon and stacktrace at the entry of functions, always or for the first so many times.
 *
 * Each command is a consumer with a counter for each site.
 */
#include "ftrace/command.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "ftrace/internal.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"

/* A site's counter: 0, no command; UNLIMITED; or one more than how often it still acts. */
#define UNLIMITED (~0u)

struct command {
	const char *name;
	struct ftrace_ops ops;
	struct ftrace_hash hash;
	u32 *left;
	bool wanted;		 /* by the write that is being read */
	struct ftrace_set draft; /* its sites, when that is done */
};

/* notrace, here and below: called by traced functions. May it act, once more? */
static notrace bool take(const struct command *c, u64 ip)
{
	u32 *left = &c->left[ftrace_index_of(ip)], n = READ_ONCE(*left);

	while (n > 1 && n != UNLIMITED) {
		if (__atomic_compare_exchange_n(left, &n, n - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		cpu_relax();
	}
	return n == UNLIMITED;
}

static notrace struct command *command_of(struct ftrace_ops *ops)
{
	return container_of(ops, struct command, ops);
}

/* As on Linux, one that finds tracing as it wants it doesn't count. */
static notrace void traceon(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	if (!tracing_is_on() && take(command_of(ops), ip))
		tracing_on();
}

static notrace void traceoff(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	if (tracing_is_on() && take(command_of(ops), ip))
		tracing_off();
}

static notrace void stacktrace_guarded(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
				       struct ftrace_frame *frame)
{
	if (take(command_of(ops), ip))
		trace_stack(frame);
}

static notrace void stacktrace(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	if (!tracing_is_on())
		return;
	preempt_disable(); /* the ring is this CPU's */
	guard_call(GUARD_FUNCTION, context_read(), stacktrace_guarded, ip, parent_ip, ops, frame);
	preempt_enable();
}

/* clang-format off */
static struct command commands[] = {
	{ .name = "traceoff", .ops.func = traceoff },
	{ .name = "traceon", .ops.func = traceon },
	{ .name = "stacktrace", .ops.func = stacktrace },
};
/* clang-format on */

void ftrace_commands_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		commands[i].left = ftrace_boot_alloc(ftrace_nr_sites() * sizeof(u32));
		commands[i].hash.exact = true;
		commands[i].ops.hash = &commands[i].hash;
	}
}

static struct command *command_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

struct parsed {
	bool remove;
	const char *function;
	struct command *command;
	bool counted;
	u64 count;
};

/* Cuts @word at its colons. */
static const char *parse(char *word, struct parsed *p)
{
	char *command = strchr(word, ':'), *count;

	p->remove = word[0] == '!';
	p->function = word + p->remove;
	*command++ = 0;
	count = strchr(command, ':');
	if (count)
		*count++ = 0;
	p->command = command_named(command);
	if (!p->command)
		return "No such command";
	p->counted = count;
	if (count && (!parse_u64(count, strlen(count), 10, &p->count) || p->count >= UNLIMITED - 1))
		return "Not a count";
	if (!ftrace_set_match(NULL, p->function, true))
		return "No function matches";
	return NULL;
}

/* As on Linux, what is removed is of the kind named, counted or not; the number doesn't matter. */
static size_t carry_out(const struct parsed *p, bool apply)
{
	u32 value = p->counted ? (u32)p->count + 1 : UNLIMITED;
	size_t n = 0;

	for (size_t i = 0; i < ftrace_nr_sites(); i++) {
		u32 *left = &p->command->left[i];

		if (!glob_match(p->function, ftrace_sites[i].name))
			continue;
		if (p->remove && (!*left || (*left != UNLIMITED) != p->counted))
			continue;
		n++;
		if (apply)
			WRITE_ONCE(*left, p->remove ? 0 : value);
	}
	return n;
}

const char *ftrace_command(char *word, bool apply)
{
	size_t len = strlen(word);
	struct parsed p;
	const char *why = parse(word, &p);

	if (!why && !carry_out(&p, apply) && !apply)
		why = "No such command at these functions";
	if (!why && !p.remove)
		p.command->wanted = true;
	for (size_t i = 0; i < len; i++)
		if (!word[i])
			word[i] = ':';
	return why;
}

static void forget_drafts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		ftrace_set_free(&commands[i].draft);
		commands[i].wanted = false;
	}
}

static int begin(struct command *c)
{
	int err = 0;

	if (c->wanted && !c->ops.trampoline)
		err = register_ftrace_function(&c->ops); /* of no function yet */
	return err ? err : ftrace_set_copy(&c->draft, NULL);
}

static void drop_unused(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].ops.trampoline && !commands[i].hash.filter.nr)
			unregister_ftrace_function(&commands[i].ops);
}

int ftrace_commands_begin(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands) && !err; i++)
		err = begin(&commands[i]);
	if (err) {
		forget_drafts();
		drop_unused();
	}
	return err;
}

void ftrace_commands_end(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct command *c = &commands[i];

		for (size_t n = 0; n < ftrace_nr_sites(); n++)
			ftrace_set_put(&c->draft, n, c->left[n]);
		ftrace_hash_replace(&c->hash, &c->hash.filter, &c->draft);
		c->draft.bits = NULL; /* it is the filter's now */
	}
	forget_drafts();
	drop_unused();
}

void ftrace_commands_show(struct seq *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		for (size_t n = 0; n < ftrace_nr_sites(); n++) {
			u32 left = commands[i].left[n];

			if (!left)
				continue;
			seq_printf(out, "%s:%s:", ftrace_sites[n].name, commands[i].name);
			if (left == UNLIMITED)
				seq_puts(out, "unlimited\n");
			else
				seq_printf(out, "count=%u\n", left - 1);
		}
}
