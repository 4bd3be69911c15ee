/* A probe definition, in Linux's syntax, taken apart with the column of what is wrong: kind, name, arguments. */
#include "abi/errno.h"
#include "kprobe/event.h"
#include "kprobe/parse.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

static bool name_char(char ch, bool first) { return isalpha(ch) || ch == '_' || (!first && isdigit(ch)); }

static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!name_char(s[i], i == 0))
			return false;
	return len;
}

struct naming {
	const char *missing, *too_long, *bad;
};
static const struct naming group_naming = {
	"Group name is not specified",
	"Group name is too long",
	"Group name must follow the same rules as C identifiers",
};
static const struct naming event_naming = {
	"Event name is not specified",
	"Event name is too long",
	"Event name must follow the same rules as C identifiers",
};

/* The name from @at to @end. */
static int take_name(struct probe_text *t, size_t at, size_t end, char *out, const struct naming *naming)
{
	size_t len = end - at;

	if (!len)
		return probe_bad(t, at, naming->missing, EINVAL);
	if (len >= EVENT_NAME_MAX)
		return probe_bad(t, at, naming->too_long, EINVAL);
	if (!is_name(t->line + at, len))
		return probe_bad(t, at, naming->bad, EINVAL);
	strscpy(out, t->line + at, len + 1);
	return 0;
}

int probe_name_parse(struct probe_text *t, char *group, char *name)
{
	size_t start = t->at, end = word_end(t->line, start), slash = start;
	int err = 0;

	while (slash < end && t->line[slash] != '/' && t->line[slash] != '.')
		slash++;
	*name = 0;
	if (slash < end) {
		err = take_name(t, start, slash, group, &group_naming);
		start = slash + 1;
	}
	if (!err && (slash == end || start < end))
		err = take_name(t, start, end, name, &event_naming);
	if (!err)
		t->at = end;
	return err;
}

/* p, r or w, and of r how many calls at once; then a colon, or white space. */
static int take_kind(struct probe_text *t, struct probe_event *e)
{
	size_t end = 1;
	u64 active = 0;

	e->kind = t->line[0];
	if (!e->kind || !strchr("prw", e->kind))
		return probe_bad(t, 0, "Unknown probe type", EINVAL);
	while (t->line[end] && t->line[end] != ':' && !isspace(t->line[end]))
		end++;
	t->at = end;
	if (end == 1)
		return 0;
	if (!isdigit(t->line[1]))
		return probe_bad(t, 1, "Unknown probe type", EINVAL);
	if (e->kind != 'r')
		return probe_bad(t, 1, "Maxactive is not for kprobe", EINVAL);
	if (!parse_u64(t->line + 1, end - 1, 0, &active))
		return probe_bad(t, 1, "Invalid maxactive number", EINVAL);
	if (active > KRETPROBE_MAXACTIVE_MAX)
		return probe_bad(t, 1, "Maxactive is too big", EINVAL);
	e->ret.maxactive = (u32)active;
	return 0;
}

void probe_name_mend(char *name)
{
	for (char *p = name; *p; p++)
		if (!name_char(*p, false))
			*p = '_';
}

static void default_name(struct probe_event *e)
{
	if (e->name[0])
		return;
	if (e->symbol[0])
		snprintf(e->name, sizeof(e->name), "%c_%s_%lu", e->kind, e->symbol, e->offset);
	else
		snprintf(e->name, sizeof(e->name), "%c_0x%016lx", e->kind, e->addr);
	probe_name_mend(e->name); /* a clone's has dots */
}

static bool name_is_used(const struct probe_event *e, const char *name)
{
	static const char *const reserved[] = { "common_type",	"common_flags",	 "common_preempt_count",
						"common_pid",	"common_tgid",	 "__probe_ip",
						"__probe_func", "__probe_ret_ip" };

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	for (unsigned i = 0; i < e->nr_args; i++)
		if (strcmp(name, e->args[i]->name) == 0)
			return true;
	return false;
}

/* NAME= at t->at, or a name made up; then t->at is behind it. */
static int take_arg_name(struct probe_text *t, size_t end, const struct probe_event *e, struct probe_arg *a)
{
	size_t at = t->at;
	const char *equals = memchr(t->line + at, '=', end - at);
	size_t len = equals ? (size_t)(equals - t->line) - at : 0;

	if (equals && len > ARG_NAME_MAX)
		return probe_bad(t, at, "Argument name is too long", EINVAL);
	if (equals && !len)
		return probe_bad(t, at, "Argument name is not specified", EINVAL);
	if (equals && !is_name(t->line + at, len))
		return probe_bad(t, at, "Argument name must follow the same rules as C identifiers", EINVAL);
	if (equals)
		strscpy(a->name, t->line + at, len + 1);
	else
		snprintf(a->name, sizeof(a->name), "arg%u", e->nr_args + 1u);
	if (name_is_used(e, a->name))
		return probe_bad(t, at, "This argument name is already used", EINVAL);
	t->at = at + len + (equals != NULL);
	return 0;
}

static int take_arg(struct probe_text *t, size_t end, struct probe_event *e, struct probe_arg *a)
{
	int err = take_arg_name(t, end, e, a);
	size_t len = end - t->at;

	if (err)
		return err;
	if (!len)
		return probe_bad(t, end, "No argument expression", EINVAL);
	if (len > ARG_TEXT_MAX)
		return probe_bad(t, t->at, "Argument expression is too long", EINVAL);
	strscpy(a->text, t->line + t->at, len + 1);
	return fetch_parse(t, end, a, e->place);
}

static int add_arg(struct probe_text *t, size_t end, struct probe_event *e)
{
	size_t start = t->at;
	struct probe_arg *a;
	int err;

	if (e->nr_args == PROBE_ARGS_MAX)
		return probe_bad(t, start, "Too many arguments", E2BIG);
	a = kzalloc(sizeof(*a));
	if (!a)
		return probe_bad(t, start, "No memory for another argument", ENOMEM);
	err = take_arg(t, end, e, a);
	if (!err && e->size + a->size > PROBE_RECORD_MAX)
		err = probe_bad(t, start, "The arguments are too big for a record", E2BIG);
	if (err) {
		kfree(a);
		return err;
	}
	a->offset = e->size;
	e->size = (u16)(e->size + a->size);
	e->strings |= fetch_is_string(a);
	e->args[e->nr_args++] = a;
	return 0;
}

int probe_args_parse(struct probe_text *t, struct probe_event *e)
{
	int err = 0;

	e->size = (u16)(sizeof(struct trace_entry) + sizeof(u64) * (e->kind == 'r' ? 2 : 1));
	t->at = skip_space(t->line, word_end(t->line, t->at));
	while (!err && t->line[t->at]) {
		size_t end = word_end(t->line, t->at);

		err = add_arg(t, end, e);
		if (!err)
			t->at = skip_space(t->line, end);
	}
	return err;
}

void probe_event_free(struct probe_event *e)
{
	for (unsigned i = 0; i < e->nr_args; i++)
		kfree(e->args[i]);
	e->nr_args = 0;
}

int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why)
{
	struct probe_text t = { line, 0, why, NULL };
	size_t place = 0;
	int err = take_kind(&t, e);

	strscpy(e->group, "kprobes", sizeof(e->group));
	if (!err && line[t.at] == ':') {
		t.at++;
		err = probe_name_parse(&t, e->group, e->name);
	}
	if (!err)
		err = probe_place_parse(&t, e);
	if (!err) {
		place = t.at;
		default_name(e);
		e->place = e->kind == 'r'			       ? FETCH_RETURN
			   : e->kind == 'p' && probe_is_entry(e->addr) ? FETCH_ENTRY
								       : 0;
		err = probe_args_parse(&t, e);
	}
	if (err)
		probe_event_free(e);
	*column = err ? t.at : place; /* who refuses the place later can point at it */
	return err;
}

void probe_args_show(struct seq *out, const struct probe_event *e)
{
	for (unsigned i = 0; i < e->nr_args; i++)
		seq_printf(out, " %s=%s", e->args[i]->name, e->args[i]->text);
	seq_putc(out, '\n');
}

void probe_event_show(struct seq *out, const struct probe_event *e)
{
	static const char *const accesses[] = { "x", "w", "", "rw" };

	seq_printf(out, "%c", e->kind);
	if (e->kind == 'r' && e->ret.maxactive)
		seq_printf(out, "%u", e->ret.maxactive);
	seq_printf(out, ":%s/%s ", e->group, e->name);
	if (!e->symbol[0])
		seq_printf(out, "0x%016lx", e->addr);
	else if (e->offset)
		seq_printf(out, "%s+%lu", e->symbol, e->offset);
	else
		seq_puts(out, e->symbol);
	if (e->kind == 'w')
		seq_printf(out, ":%u:%s", e->watch.len, accesses[e->watch.type]);
	probe_args_show(out, e);
}
