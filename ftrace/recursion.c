/* A callback that calls what is traced by it: what the recursion guard is for, as a control file. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "ftrace/ftrace.h"
#include "lib/ctl.h"
#include "lib/string.h"

static u64 calls;
static u32 deepest;
static DEFINE_PER_CPU(volatile u32, depth); /* the compiler doesn't know who is called by recursion_step() */

/* Traced, whatever else is. Its name is what a user sees. */
static noinline void recursion_step(void) { barrier(); }

/*
 * Each call of it inside itself comes by way of recursion_step(), and no other does. So at any other function it is the outermost, also
 * when calls before have been given up.
 */
static notrace void recursion_callback(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
				       struct ftrace_frame *frame)
{
	u32 d = ip == (u64)recursion_step ? this_cpu(depth) + 1 : 1;

	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (d > READ_ONCE(deepest))
		WRITE_ONCE(deepest, d);
	this_cpu(depth) = d;
	recursion_step();
	this_cpu(depth) = d - 1;
}

static struct ftrace_ops ops = { .func = recursion_callback, .flags = FTRACE_OPS_FL_RECURSION };
static char functions[128];

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%s\ncalls %lu\ndeepest %u\n", functions[0] ? functions : "none", calls, deepest);
	return 0;
}

static void stop(void)
{
	if (!functions[0])
		return;
	unregister_ftrace_function(&ops);
	functions[0] = 0;
}

static int start(const char *text)
{
	int err = ftrace_set_filter(&ops, text, true);

	if (!err)
		err = ftrace_set_filter(&ops, "recursion_step", false);
	if (!err && !functions[0])
		err = register_ftrace_function(&ops);
	if (err)
		return err;
	strscpy(functions, text, sizeof(functions));
	return 0;
}

/* A name or pattern, or nothing. */
static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	char name[sizeof(functions)];

	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	if (len >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = 0;
	if (len) {
		int err = start(name);

		if (err)
			return err;
	} else {
		stop();
	}
	calls = deepest = 0;
	return 0;
}
CTL_FILE(ctl_recursion_consumer, .path = "recursion/consumer", .show = show, .store = store);
