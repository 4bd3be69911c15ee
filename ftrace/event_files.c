/* The folder of each event, and of each system of them; and the files of events by name, many at once. */
#include "abi/errno.h"
#include "abi/syscall.h"
#include "ftrace/event.h"
#include "lib/bug.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "trace/error_log.h"

/* A trigger that needs the site is told by a star, as on Linux. */
static int enable_show(struct seq *out, const struct ctl_file *self)
{
	const struct event *e = self->arg;

	seq_printf(out, "%d%s\n", event_is_recording(e), e->triggers ? "*" : "");
	return 0;
}

static int enable_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 on;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	return event_set_recording(self->arg, on);
}

/* Linux takes the old filter away when a new one is refused. Here it stays, and the file says so. */
static int filter_show(struct seq *out, const struct ctl_file *self)
{
	const struct event *e = self->arg;

	if (e->refused)
		seq_puts(out, e->refused);
	if (!e->refused || e->filter)
		seq_printf(out, "%s%s\n", e->refused ? "still in force: " : "",
			   e->filter ? e->filter->text : "none");
	return 0;
}

static int filter_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	return event_set_filter(self->arg, text, len, false);
}

static int trigger_show(struct seq *out, const struct ctl_file *self)
{
	event_triggers_show(out, self->arg);
	return 0;
}

static int trigger_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	while (len && isspace(text[len - 1]))
		len--;
	/* Nothing is what "> trigger" alone writes. */
	return len ? event_set_trigger(self->arg, text, len) : 0;
}

static void show_fields(struct seq *out, const struct event_field *f)
{
	for (; f->name; f++) {
		seq_printf(out, "\tfield:%s %s", f->type, f->name);
		if (f->count || (f->is_string && !f->is_dynamic))
			seq_printf(out, "[%u]", f->count ?: f->size);
		seq_printf(out, ";\toffset:%u;\tsize:%u;\tsigned:%d;\n", f->offset, f->size, f->is_signed);
	}
	seq_putc(out, '\n');
}

/* Names are a list, for who reads it elsewhere, as in "{ 0, "null" }, { 1, "print" }". */
static void show_print_fmt(struct seq *out, const char *fmt)
{
	static const char table[] = "syscall_names";
	const char *at = strstr(fmt, table);

	if (!at) {
		seq_puts(out, fmt);
		return;
	}
	seq_write(out, fmt, (size_t)(at - fmt));
	for (u32 i = 0; i < NR_SYSCALLS; i++)
		seq_printf(out, "%s{ %u, \"%s\" }", i ? ", " : "", i, syscall_names[i]);
	seq_puts(out, at + sizeof(table) - 1);
}

static int format_show(struct seq *out, const struct ctl_file *self)
{
	const struct event *e = self->arg;

	seq_printf(out, "name: %s\nID: %u\nformat:\n", e->name, e->id);
	show_fields(out, event_common_fields);
	show_fields(out, e->fields(e));
	seq_puts(out, "print fmt: ");
	if (e->show_print_fmt)
		e->show_print_fmt(out, e);
	else
		show_print_fmt(out, e->print_fmt);
	seq_putc(out, '\n');
	return 0;
}

static int id_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%u\n", ((const struct event *)self->arg)->id);
	return 0;
}

static int hist_show(struct seq *out, const struct ctl_file *self)
{
	return event_hists_show(out, self->arg);
}

/* The next event of @system, NULL: of any. */
static struct event *next_of(const char *system, const struct event *e)
{
	struct event *next = event_next(e);

	while (next && system && strcmp(next->system, system) != 0)
		next = event_next(next);
	return next;
}

static int system_enable_show(struct seq *out, const struct ctl_file *self)
{
	unsigned seen = 0; /* bit 0: one that is off; 1: one that is on */

	for (struct event *e = NULL; (e = next_of(self->arg, e));)
		seen |= event_is_recording(e) ? 2 : 1;
	seq_printf(out, "%c\n", "?01X"[seen]);
	return 0;
}

static void draft_as_is(bool keep)
{
	for (struct event *e = NULL; (e = event_next(e));)
		e->draft = keep && event_is_recording(e);
}

static int system_enable_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 on;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	draft_as_is(true);
	for (struct event *e = NULL; (e = next_of(self->arg, e));)
		e->draft = on;
	return events_apply_drafts();
}

static int system_filter_show(struct seq *out, const struct ctl_file *self)
{
	seq_puts(out, "### global filter ###\n# Use this to set filters for multiple events.\n"
		      "# Only events with the given fields will be affected.\n"
		      "# If no events are modified, an error message will be displayed here\n");
	return 0;
}

/* Those that haven't the fields stay as they are. What is wrong for all of them is told by each one's own file. */
static int system_filter_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	int err = -EINVAL;

	for (struct event *e = NULL; (e = next_of(self->arg, e));)
		if (event_set_filter(e, text, len, true) == 0)
			err = 0;
	return err;
}

static const struct ctl_file own_files[] = {
	{ .path = "enable", .show = enable_show, .store = enable_store },
	{ .path = "filter", .show = filter_show, .store = filter_store },
	{ .path = "trigger", .show = trigger_show, .store = trigger_store },
	{ .path = "format", .show = format_show },
	{ .path = "id", .show = id_show },
	{ .path = "hist", .show = hist_show },
	{},
};
static const struct ctl_file system_files[] = {
	{ .path = "enable", .show = system_enable_show, .store = system_enable_store },
	{ .path = "filter", .show = system_filter_show, .store = system_filter_store },
	{},
};
CTL_FILE(ctl_events_enable, .path = "events/enable", .show = system_enable_show,
	 .store = system_enable_store);

/* clang-format off */
#define TRACE_EVENT(sys, n, ...) \
	CTL_FILE(ctl_event_##n, .path = "events/" #sys "/" #n, .inside = own_files, .arg = &event_##n);
#include "lib/trace_events.h"

#define SYSTEM(sys) \
	CTL_FILE(ctl_system_##sys, .path = "events/" #sys, .inside = system_files, .arg = (void *)#sys)
SYSTEM(sched);
SYSTEM(irq);
SYSTEM(exceptions);
SYSTEM(nestling);
SYSTEM(raw_syscalls);
SYSTEM(rcu);
SYSTEM(timer);
/* clang-format on */

int event_files_make(struct event_files *f, struct event *e)
{
	bool taken = strcmp(e->name, "enable") == 0 || strcmp(e->name, "filter") == 0;

	f->own = (struct ctl_file){ .path = f->own_path, .inside = own_files, .arg = e };
	f->system =
		(struct ctl_file){ .path = f->system_path, .inside = system_files, .arg = (void *)e->system };
	snprintf(f->own_path, sizeof(f->own_path), "events/%s/%s", e->system, e->name);
	snprintf(f->system_path, sizeof(f->system_path), "events/%s", e->system);
	for (struct event *other = NULL; (other = next_of(e->system, other));)
		taken |= !other->arm && strcmp(other->name, e->name) == 0;
	/* It is put there for once, to see if it can be. */
	if (taken || ctl_add(&f->own) != 0)
		return -EEXIST;
	ctl_remove(&f->own);
	return 0;
}

void event_add(struct event *e, struct event_files *f)
{
	BUG_ON(ctl_add(&f->own) != 0 || ctl_add(&f->system) != 0);
	event_list_add(e);
}

void event_remove(struct event *e, struct event_files *f)
{
	ctl_remove(&f->own);
	ctl_remove(&f->system);
	event_list_remove(e);
	kfree(e->refused);
	kfree(e->filter);
}

static bool is_part(const char *name, const char *text, size_t len)
{
	return !len || str_is(text, len, "*") || str_is(text, len, name);
}

/* SYSTEM:EVENT, where either may be "*" or nothing; or one word that is the name of either. */
static bool is_meant(const struct event *e, const char *word, size_t len)
{
	const char *colon = memchr(word, ':', len);
	size_t n;

	if (!colon)
		return str_is(word, len, e->system) || str_is(word, len, e->name);
	n = (size_t)(colon - word);
	return is_part(e->system, word, n) && is_part(e->name, colon + 1, len - n - 1);
}

static bool draft_word(const char *word, size_t len)
{
	bool on = word[0] != '!', any = false;

	word += !on;
	len -= !on;
	for (struct event *e = NULL; len && (e = event_next(e));)
		if (is_meant(e, word, len)) {
			e->draft = on;
			any = true;
		}
	return any;
}

/* Truncation has Linux's meaning: from none on. */
static int set_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	draft_as_is(append);
	for (size_t at = 0, end; at < len; at = end + 1) {
		for (end = at; end < len && !isspace(text[end]); end++)
			;
		if (end > at && !draft_word(text + at, end - at))
			return error_log_refuse("set_event", text, len, at, "No such event");
	}
	return events_apply_drafts();
}

/* Those that are recorded; or all, if that can't be chosen. */
static int list_show(struct seq *out, const struct ctl_file *self)
{
	for (struct event *e = NULL; (e = event_next(e));)
		if (!self->store || event_is_recording(e))
			seq_printf(out, "%s:%s\n", e->system, e->name);
	return 0;
}
CTL_FILE(ctl_set_event, .path = "set_event", .show = list_show, .store = set_store);
CTL_FILE(ctl_available_events, .path = "available_events", .show = list_show);
