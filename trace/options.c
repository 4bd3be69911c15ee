/* trace_options and the files of options/: one table, to which whoever looks at an option adds it. */
#include "trace/options.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "trace/event.h"

int trace_option_show(struct seq *out, const struct ctl_file *self)
{
	const struct trace_option *o = self->arg;

	seq_printf(out, "%d\n", *o->value);
	return 0;
}

static void set(const struct trace_option *o, bool on)
{
	if (*o->value == on)
		return;
	WRITE_ONCE(*o->value, on);
	if (o->changed)
		o->changed();
}

int trace_option_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	set(self->arg, v);
	return 0;
}

/* As on Linux, a tracer's own options are there while it is the current one. */
static bool is_listed(const struct trace_option *o)
{
	return !o->tracer || strcmp(o->tracer, current_tracer_name) == 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	FOR_EACH_REGISTERED(trace_options, const struct trace_option, o)
		if (is_listed(*o))
			seq_printf(out, "%s%s\n", *(*o)->value ? "" : "no", (*o)->name);
	return 0;
}

/* One option a write, with "no" in front to clear it. */
static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	bool no;

	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	no = len > 2 && strncmp(text, "no", 2) == 0;
	text += no * 2;
	len -= no * 2;
	FOR_EACH_REGISTERED(trace_options, const struct trace_option, o)
		if (is_listed(*o) && strlen((*o)->name) == len && memcmp((*o)->name, text, len) == 0) {
			set(*o, !no);
			return 0;
		}
	return -EINVAL;
}
CTL_FILE(ctl_trace_options, .path = "trace_options", .show = show, .store = store);
