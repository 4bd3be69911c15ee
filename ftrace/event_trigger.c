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
	event_filter_free(t->filter);
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

/* A line being taken apart, from @at on; or where it is wrong. */
struct line {
	const char *text, *why;
	size_t len, at;
};

static int bad(struct line *l, const char *why)
{
	l->why = why;
	return -EINVAL;
}

static void skip_space(struct line *l)
{
	while (l->at < l->len && isspace(l->text[l->at]))
		l->at++;
}

/* How long the word here is, which ends before white space or @stop. */
static size_t word_length(const struct line *l, char stop)
{
	size_t end = l->at;

	while (end < l->len && !isspace(l->text[end]) && l->text[end] != stop)
		end++;
	return end - l->at;
}

static int take_kind(struct line *l, struct event_trigger *t)
{
	size_t len = word_length(l, ':');

	while (t->kind < NR_TRIGGERS && !str_is(l->text + l->at, len, names[t->kind]))
		t->kind++;
	if (t->kind == NR_TRIGGERS)
		return bad(l, "No such trigger");
	l->at += len;
	return 0;
}

/* ":COUNT", or what a histogram is to be. */
static int take_parameter(struct line *l, const struct event *e, struct event_trigger *t)
{
	bool given = l->at < l->len && l->text[l->at] == ':';
	size_t len;
	u64 n;

	l->at += given;
	len = given ? word_length(l, 0) : 0;
	if (t->kind == HIST) {
		t->hist = event_hist_make(e, l->text + l->at, len, &l->why);
		if (!t->hist)
			return l->why ? -EINVAL : -ENOMEM;
	} else if (given) {
		if (!parse_u64(l->text + l->at, len, 0, &n) || n > 0x7fffffff)
			return bad(l, "Illegal count");
		t->count = (s32)n;
	}
	l->at += len;
	return 0;
}

/* " if FILTER", or nothing. */
static int take_condition(struct line *l, const struct event *e, struct event_trigger *t)
{
	size_t at;
	int err;

	skip_space(l);
	if (l->at == l->len)
		return 0;
	if (!str_is(l->text + l->at, word_length(l, 0), "if"))
		return bad(l, "Expected \"if\"");
	l->at += 2;
	skip_space(l);
	t->filter = event_filter_make(e, l->text + l->at, l->len - l->at, &err, &l->why, &at);
	l->at += at;
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

static int add(struct line *l, struct event *e, struct event_trigger *t)
{
	struct event_trigger **link = find_like(e, t);
	int err = t->kind == SNAPSHOT ? ring_buffer_snapshot_alloc() : 0;

	l->at = 0;
	l->why = *link ? "Trigger exists already" : "The probe can't be armed now";
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
	struct line l = { .text = text, .len = len, .at = text[0] == '!' };
	struct event_trigger *t = kzalloc(sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->count = FOR_EVER;
	err = take_kind(&l, t) ?: take_parameter(&l, e, t) ?: take_condition(&l, e, t);
	if (!err && text[0] == '!')
		take_away(e, find_like(e, t));
	else if (!err && !(err = add(&l, e, t)))
		return 0;
	if (err && err != -ENOMEM)
		error_log_refuse("event trigger", text, len, l.at, l.why);
	free_trigger(t);
	return err;
}
