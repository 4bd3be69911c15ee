/*
 * The file kprobe_events: definitions in, one a line.
 *
 * A write is taken whole or not at all. It becomes a plan first (events to add, events to go), each
 * line checked against what there would be if the lines before it had been carried out; only a
 * plan without an objection is carried out, and then nothing in it can fail.
 */
#include "abi/errno.h"
#include "kprobe/event.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "trace/error_log.h"

#define DEFINITION_MAX 256

struct plan {
	struct list_head adding;
	size_t files; /* entries left in the table of control files */
};

static int refuse(const char *line, size_t column, const char *why, int err)
{
	error_log("trace_kprobe", line, column, why);
	return err;
}

static struct probe_event *find(struct list_head *events, const char *group, const char *name)
{
	struct probe_event *e;

	list_for_each_entry(e, events, link)
		if (!e->doomed && strcmp(e->group, group) == 0 && strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

/* A planned probe is registered already, so that nothing can fail afterwards; nobody sees it before it has an event. */
static int check(struct plan *plan, struct probe_event *e, const char **why)
{
	int err;

	if (find(&probe_events, e->group, e->name) || find(&plan->adding, e->group, e->name)) {
		*why = "Event already exists";
		return -EEXIST;
	}
	if (plan->files < EVENT_FILES) {
		*why = "Too many events";
		return -ENOSPC;
	}
	err = kprobe_register(&e->probe, why);
	if (err)
		return err;
	*why = "Event already exists"; /* which isn't one of probes */
	err = probe_event_prepare(e);
	if (err)
		kprobe_unregister(&e->probe);
	return err;
}

static int plan_definition(struct plan *plan, const char *line)
{
	struct probe_event *e = kzalloc(sizeof(*e));
	const char *why = NULL;
	size_t column = 0;
	int err;

	if (!e)
		return -ENOMEM;
	err = probe_event_parse(e, line, &column, &why);
	if (!err)
		err = check(plan, e, &why);
	if (err) {
		kfree(e);
		return refuse(line, column, why, err);
	}
	plan->files -= EVENT_FILES;
	list_add_tail(&e->link, &plan->adding);
	return 0;
}

/* It was planned, and no more. */
static void drop(struct probe_event *e)
{
	list_del(&e->link);
	kprobe_unregister(&e->probe);
	kfree(e);
}

/* "-:[GRP/]NAME" */
static int plan_removal(struct plan *plan, const char *line)
{
	char group[EVENT_NAME_MAX] = "kprobes";
	const char *name, *slash;
	struct probe_event *e;

	if (strncmp(line, "-:", 2) != 0 || !line[2])
		return refuse(line, 1, "Event name is not specified", -EINVAL);
	name = line + 2;
	slash = strchr(name, '/');
	if (slash) {
		if ((size_t)(slash - name) >= sizeof(group))
			return refuse(line, 2, "Event or group name is too long", -EINVAL);
		strscpy(group, name, (size_t)(slash - name) + 1);
		name = slash + 1;
	}
	e = find(&plan->adding, group, name);
	if (e) {
		plan->files += EVENT_FILES;
		drop(e);
		return 0;
	}
	e = find(&probe_events, group, name);
	if (!e)
		return refuse(line, 2, "Event doesn't exist", -ENOENT);
	if (probe_event_busy(e))
		return refuse(line, 2, "Event is enabled: disable it first", -EBUSY);
	plan->files += EVENT_FILES;
	e->doomed = true;
	return 0;
}

/* One line, without the white space around it; empty ones and comments are nothing. */
static int plan_line(struct plan *plan, const char *text, size_t len)
{
	char line[DEFINITION_MAX];

	while (len && isspace(text[0])) {
		text++;
		len--;
	}
	while (len && isspace(text[len - 1]))
		len--;
	if (!len || text[0] == '#')
		return 0;
	strscpy(line, text, min(len + 1, sizeof(line)));
	if (len >= sizeof(line))
		return refuse(line, 0, "Probe definition is too long", -E2BIG);
	return line[0] == '-' ? plan_removal(plan, line) : plan_definition(plan, line);
}

static int plan_text(struct plan *plan, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t end = at;
		int err;

		while (end < len && text[end] != '\n')
			end++;
		err = plan_line(plan, text + at, end - at);
		if (err)
			return err;
		at = end + 1;
	}
	return 0;
}

/* Without append the file is truncated: all there was goes, unless one is in use. */
static int plan_begin(struct plan *plan, bool append)
{
	struct probe_event *e;

	list_init(&plan->adding);
	plan->files = ctl_room();
	list_for_each_entry(e, &probe_events, link) {
		if (!append && probe_event_busy(e))
			return -EBUSY;
		e->doomed = !append;
		plan->files += append ? 0 : EVENT_FILES;
	}
	return 0;
}

static void plan_drop(struct plan *plan)
{
	struct probe_event *e, *tmp;

	list_for_each_entry_safe(e, tmp, &plan->adding, link)
		drop(e);
	list_for_each_entry(e, &probe_events, link)
		e->doomed = false;
}

static void plan_carry_out(struct plan *plan)
{
	struct probe_event *e, *tmp;

	list_for_each_entry_safe(e, tmp, &probe_events, link) {
		if (e->doomed) {
			probe_event_remove(e);
			kfree(e);
		}
	}
	list_for_each_entry_safe(e, tmp, &plan->adding, link) {
		list_del(&e->link);
		probe_event_add(e);
	}
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct plan plan;
	int err = plan_begin(&plan, append);

	if (!err)
		err = plan_text(&plan, text, len);
	if (err)
		plan_drop(&plan);
	else
		plan_carry_out(&plan);
	return err;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	struct probe_event *e;

	list_for_each_entry(e, &probe_events, link) {
		seq_printf(out, "p:%s/%s ", e->group, e->name);
		if (!e->symbol[0])
			seq_printf(out, "0x%016lx\n", e->probe.addr);
		else if (e->offset)
			seq_printf(out, "%s+%lu\n", e->symbol, e->offset);
		else
			seq_printf(out, "%s\n", e->symbol);
	}
	return 0;
}
CTL_FILE(ctl_kprobe_events, .path = "kprobe_events", .show = show, .store = store);
