/*
 * The files kprobe_events and uprobe_events: definitions in, one a line.
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

#define EVENT_EXISTS "Given group/event name is already used by another event"
#define EVENT_IN_USE "Event is in use: disable it, and take its triggers away"

struct plan {
	const struct probe_family *family;
	struct list_head adding;
	size_t files; /* entries left in the table of control files */
};

static int refuse(const struct plan *plan, const char *line, size_t column, const char *why, int err)
{
	error_log(plan->family->log, line, column, why);
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

	if (find(plan->family->events, e->group, e->name) || find(&plan->adding, e->group, e->name)) {
		*why = EVENT_EXISTS;
		return -EEXIST;
	}
	if (plan->files < EVENT_FILES) {
		*why = "Too many events";
		return -ENOSPC;
	}
	err = plan->family->probe(e, why);
	if (err)
		return err;
	*why = EVENT_EXISTS; /* which isn't one of probes */
	err = probe_event_prepare(e);
	if (err == -ENOMEM)
		*why = "No memory for another event";
	if (err)
		plan->family->unprobe(e);
	return err;
}

static void discard(struct probe_event *e)
{
	probe_event_free(e);
	kfree(e->fields);
	kfree(e);
}

static int plan_definition(struct plan *plan, const char *line)
{
	struct probe_event *e = kzalloc(plan->family->size);
	const char *why = NULL;
	size_t column = 0;
	int err;

	if (!e)
		return -ENOMEM;
	e->family = plan->family;
	err = e->family->parse(e, line, &column, &why);
	if (!err)
		err = check(plan, e, &why);
	if (err) {
		discard(e);
		return refuse(plan, line, column, why, err);
	}
	plan->files -= EVENT_FILES;
	list_add_tail(&e->link, &plan->adding);
	return 0;
}

/* It was planned, and no more. */
static void drop(struct probe_event *e)
{
	list_del(&e->link);
	e->family->unprobe(e);
	discard(e);
}

/*
 * How many of @events have that name, or any name if it is empty; -EBUSY. With @go they go when the plan is carried out,
 * or, if they are only planned, now.
 */
static int plan_removals(struct plan *plan, struct list_head *events, const char *group, const char *name,
			 bool go)
{
	struct probe_event *e, *tmp;
	int n = 0;

	list_for_each_entry_safe(e, tmp, events, link) {
		if (e->doomed || strcmp(e->group, group) != 0 || (*name && strcmp(e->name, name) != 0))
			continue;
		n++;
		if (!go && events == plan->family->events && probe_event_busy(e))
			return -EBUSY;
		if (!go)
			continue;
		plan->files += EVENT_FILES;
		if (events == plan->family->events)
			e->doomed = true;
		else
			drop(e);
	}
	return n;
}

/* "-:[GRP/]NAME", or "-:GRP/" for all of them. */
static int plan_removal(struct plan *plan, const char *line)
{
	char group[EVENT_NAME_MAX], name[EVENT_NAME_MAX];
	const char *why;
	struct probe_text t = { line, 2, &why, NULL };
	int err, n;

	if (line[1] != ':')
		return refuse(plan, line, 1, "Event name is not specified", -EINVAL);
	strscpy(group, plan->family->group, sizeof(group));
	err = probe_name_parse(&t, group, name);
	if (err || line[t.at])
		return refuse(plan, line, t.at, err ? why : "Nothing else belongs to a removal",
			      err ?: -EINVAL);
	n = plan_removals(plan, plan->family->events, group, name, false);
	if (n < 0)
		return refuse(plan, line, 2, EVENT_IN_USE, n);
	n += plan_removals(plan, &plan->adding, group, name, false);
	if (!n)
		return refuse(plan, line, 2, "Event doesn't exist", -ENOENT);
	plan_removals(plan, plan->family->events, group, name, true);
	plan_removals(plan, &plan->adding, group, name, true);
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
		return refuse(plan, line, 0, "Probe definition is too long", -E2BIG);
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
	list_for_each_entry(e, plan->family->events, link) {
		if (!append && probe_event_busy(e))
			return refuse(plan, e->name, 0, EVENT_IN_USE, -EBUSY);
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
	list_for_each_entry(e, plan->family->events, link)
		e->doomed = false;
}

static void plan_carry_out(struct plan *plan)
{
	struct probe_event *e, *tmp;

	list_for_each_entry_safe(e, tmp, plan->family->events, link) {
		if (e->doomed) {
			probe_event_remove(e);
			discard(e);
		}
	}
	list_for_each_entry_safe(e, tmp, &plan->adding, link) {
		list_del(&e->link);
		probe_event_add(e);
	}
}

int probe_events_define(const struct probe_family *f, const char *text, size_t len, bool append)
{
	struct plan plan = { .family = f };
	int err = plan_begin(&plan, append);

	if (!err)
		err = plan_text(&plan, text, len);
	if (err)
		plan_drop(&plan);
	else
		plan_carry_out(&plan);
	return err;
}

void probe_events_show(struct seq *out, const struct probe_family *f)
{
	struct probe_event *e;

	list_for_each_entry(e, f->events, link)
		f->show(out, e);
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	return probe_events_define(&kprobe_family, text, len, append);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	probe_events_show(out, &kprobe_family);
	return 0;
}
CTL_FILE(ctl_kprobe_events, .path = "kprobe_events", .show = show, .store = store);
