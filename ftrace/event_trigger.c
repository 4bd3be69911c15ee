/* Triggers: what else an event does when it is hit, so many times, if a filter says so. */
#include "ftrace/event.h"

#include "abi/errno.h"
#include "context/rcu_read.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "trace/error_log.h"
#include "trace/stack.h"

enum trigger_kind { TRACEON, TRACEOFF, SNAPSHOT, STACKTRACE, HIST, NR_TRIGGERS };
static const char *const names[NR_TRIGGERS] = { "traceon", "traceoff", "snapshot", "stacktrace", "hist" };

#define FOR_EVER (-1)

struct event_trigger {
	struct event_trigger *next; /* read under RCU */
	enum trigger_kind kind;
	s32 count; /* times it will still do something; or FOR_EVER */
	struct event_filter *filter;
	struct event_hist *hist;
};

/* Takes one of the times there are left; false: there is none. Several CPUs may want the last one. */
static bool use_up(s32 *count)
{
	s32 left = READ_ONCE(*count);

	while (left > 0)
		if (__atomic_compare_exchange_n(count, &left, left - 1, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return left == FOR_EVER;
}

static void fire(struct event_trigger *t, const struct trace_entry *record)
{
	bool on = tracing_is_on();

	/* What is so already costs no time. */
	if ((t->kind == TRACEON && on) || (t->kind == TRACEOFF && !on) || !use_up(&t->count))
		return;
	switch (t->kind) {
	case TRACEON:
		tracing_on();
		break;
	case TRACEOFF:
		tracing_off();
		break;
	case SNAPSHOT:
		ring_buffer_snapshot_now();
		break;
	case STACKTRACE:
		trace_stack(NULL);
		break;
	default:
		event_hist_add(t->hist, record);
	}
}

void event_triggers_fire(const struct event *e, const struct trace_entry *record, bool after)
{
	for (struct event_trigger *t = rcu_dereference(e->triggers); t; t = rcu_dereference(t->next))
		if ((t->kind == STACKTRACE) == after && event_filter_lets_pass(t->filter, record))
			fire(t, record);
}

static void free_trigger(struct event_trigger *t)
{
	kfree(t->filter);
	event_hist_free(t->hist);
	kfree(t);
}

static void show_one(struct seq *out, const struct event_trigger *t)
{
	if (t->kind == HIST)
		event_hist_describe(out, t->hist);
	else if (t->count == FOR_EVER)
		seq_printf(out, "%s:unlimited", names[t->kind]);
	else
		seq_printf(out, "%s:count=%d", names[t->kind], t->count);
	if (t->filter)
		seq_printf(out, " if %s", t->filter->text);
	seq_puts(out, t->kind == HIST ? " [active]\n" : "\n");
}

void event_triggers_show(struct seq *out, const struct event *e)
{
	if (!e->triggers)
		seq_puts(out, "# Available triggers:\n# traceon traceoff snapshot stacktrace hist\n");
	for (const struct event_trigger *t = e->triggers; t; t = t->next)
		show_one(out, t);
}

int event_hists_show(struct seq *out, const struct event *e)
{
	int err = 0;

	for (const struct event_trigger *t = e->triggers; t && !err; t = t->next) {
		if (t->kind != HIST)
			continue;
		seq_puts(out, "# event histogram\n#\n# trigger info: ");
		show_one(out, t);
		err = event_hist_show(out, t->hist);
	}
	return err;
}

/* "KIND[:PARAMETER][ if FILTER]" from @at on. -EINVAL: then what is wrong, and where; -ENOMEM. */
static int parse(struct event_trigger *t, const struct event *e, const char *text, size_t len, size_t *at,
		 const char **why)
{
	const char *word = text + *at, *colon;
	size_t n = 0, kind;
	u64 count;

	while (*at + n < len && !isspace(word[n]))
		n++;
	colon = memchr(word, ':', n);
	kind = colon ? (size_t)(colon - word) : n;
	while (t->kind < NR_TRIGGERS && !str_is(word, kind, names[t->kind]))
		t->kind++;
	*why = "No such trigger";
	if (t->kind == NR_TRIGGERS)
		return -EINVAL;
	word += colon ? kind + 1 : n;
	n -= (size_t)(word - text) - *at;
	*at = (size_t)(word - text);
	*why = "Illegal count";
	if (t->kind == HIST)
		t->hist = event_hist_make(e, word, n, why);
	else if (colon && (!parse_u64(word, n, 0, &count) || count > 0x7fffffff))
		return -EINVAL;
	if (t->kind == HIST && !t->hist)
		return *why ? -EINVAL : -ENOMEM;
	t->count = colon && t->kind != HIST ? (s32)count : FOR_EVER;
	*at += n;
	return 0;
}

static int parse_condition(struct event_trigger *t, const struct event *e, const char *text, size_t len,
			   size_t *at, const char **why)
{
	size_t where;
	int err;

	while (*at < len && isspace(text[*at]))
		++*at;
	if (*at == len)
		return 0;
	*why = "Expected \"if\"";
	if (strncmp(text + *at, "if", 2) != 0 || !isspace(text[*at + 2]))
		return -EINVAL;
	for (*at += 2; *at < len && isspace(text[*at]);)
		++*at;
	t->filter = event_filter_make(e, text + *at, len - *at, &err, why, &where);
	*at += where;
	return err;
}

/* Where the pointer to the one that @t is another of stands; of the last one if there is none. */
static struct event_trigger **find_like(struct event *e, const struct event_trigger *t)
{
	struct event_trigger **link = &e->triggers;

	while (*link && ((*link)->kind != t->kind || (t->hist && !event_hist_same((*link)->hist, t->hist))))
		link = &(*link)->next;
	return link;
}

/* As on Linux, to take away what isn't there is no mistake. */
static void take_away(struct event *e, struct event_trigger **link)
{
	struct event_trigger *t = *link;

	if (!t)
		return;
	WRITE_ONCE(*link, t->next);
	event_update(e);
	synchronize_rcu();
	free_trigger(t);
}

static int add(struct event *e, struct event_trigger *t, const char **why)
{
	struct event_trigger **link = find_like(e, t);
	int err = t->kind == SNAPSHOT ? ring_buffer_snapshot_alloc() : 0;

	*why = *link ? "Trigger exists already" : "The probe can't be armed now";
	if (*link || err)
		return *link ? -EEXIST : err;
	rcu_assign_pointer(*link, t);
	err = event_update(e);
	if (!err)
		return 0;
	WRITE_ONCE(*link, NULL);
	event_update(e);
	synchronize_rcu();
	return err;
}

int event_set_trigger(struct event *e, const char *text, size_t len)
{
	bool remove = text[0] == '!';
	struct event_trigger *t = kzalloc(sizeof(*t));
	const char *why = NULL;
	size_t at = remove;
	int err;

	if (!t)
		return -ENOMEM;
	err = parse(t, e, text, len, &at, &why) ?: parse_condition(t, e, text, len, &at, &why);
	if (!err && remove)
		take_away(e, find_like(e, t));
	else if (!err)
		err = add(e, t, &why);
	if (!err && !remove)
		return 0;
	if (err && err != -ENOMEM)
		error_log_refuse("event trigger", text, len, at, why);
	free_trigger(t);
	return err;
}
