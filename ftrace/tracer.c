/* Which tracer is current: the files current_tracer and available_tracers. */
#include "ftrace/tracer.h"

#include "abi/errno.h"
#include "lib/ctl.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/mutex.h"
#include "trace/event.h"
#include "trace/ring_buffer.h"

static const struct tracer nop = { .name = "nop" };
static const struct tracer *current_tracer = &nop;
static struct mutex tracer_mutex;

static int available_show(struct seq *out, const struct ctl_file *self)
{
	FOR_EACH_REGISTERED(tracers, const struct tracer, t)
		seq_printf(out, "%s ", (*t)->name);
	seq_printf(out, "%s\n", nop.name);
	return 0;
}
CTL_FILE(ctl_available_tracers, .path = "available_tracers", .show = available_show);

static const struct tracer *tracer_named(const char *name, size_t len)
{
	FOR_EACH_REGISTERED(tracers, const struct tracer, t)
		if (strlen((*t)->name) == len && memcmp((*t)->name, name, len) == 0)
			return *t;
	return len == strlen(nop.name) && memcmp(nop.name, name, len) == 0 ? &nop : NULL;
}

static void become(const struct tracer *t)
{
	current_tracer = t;
	current_tracer_name = t->name;
}

void tracers_init(void)
{
	mutex_init(&tracer_mutex, "current_tracer");
	if (function_ops.trampoline)
		become(tracer_named("function", strlen("function")));
}

/* The old one has ended before the new one begins: in between nothing is recorded. */
static int switch_to_tracer(const struct tracer *t)
{
	int err = 0;

	if (current_tracer->stop)
		current_tracer->stop();
	become(&nop);
	if (t->start) {
		ring_buffer_reset(); /* what another tracer wrote is not this one's */
		err = t->start();
	}
	if (!err)
		become(t);
	return err;
}

static int current_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%s\n", current_tracer->name);
	return 0;
}

static int set(const char *name, size_t len)
{
	const struct tracer *t = tracer_named(name, len);
	int err = 0;

	if (!t)
		return -EINVAL;
	mutex_lock(&tracer_mutex);
	if (t != current_tracer)
		err = switch_to_tracer(t);
	else
		ftrace_refresh(); /* probes may have gone from sites that it wants */
	mutex_unlock(&tracer_mutex);
	return err;
}

int tracer_set(const char *name) { return set(name, strlen(name)); }

static int current_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	while (len && isspace(text[len - 1]))
		len--;
	return set(text, len);
}
CTL_FILE(ctl_current_tracer, .path = "current_tracer", .show = current_show, .store = current_store);
