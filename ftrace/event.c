/* What an event does when it is hit and isn't just recorded; and changing that while it is. */
#include "ftrace/event.h"

#include "abi/errno.h"
#include "context/rcu_read.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "trace/error_log.h"
#include "trace/stack.h"

bool event_is_recording(const struct event *e) { return e->recording && (!e->armed || *e->armed); }

/* A thread that was preempted behind its site finds here what is wanted when it goes on, not what was. */
int event_update(struct event *e)
{
	bool on = e->recording || e->triggers;

	event_choose_way(e);
	if (e->arm)
		return e->arm(e, on);
	static_key_set(&e->key, on);
	return 0;
}

int event_set_recording(struct event *e, bool on)
{
	int err;

	WRITE_ONCE(e->recording, on);
	err = event_update(e);
	if (err)
		WRITE_ONCE(e->recording, false);
	return err;
}

/* A draft that has been carried out becomes the way back. */
int events_apply_drafts(void)
{
	struct event *e = NULL, *undo = NULL;
	int err = 0;

	while (!err && (e = event_next(e))) {
		bool want = e->draft;

		e->draft = event_is_recording(e);
		if (want != event_is_recording(e))
			err = event_set_recording(e, want);
	}
	while (err && (undo = event_next(undo)) != e)
		event_set_recording(undo, undo->draft);
	return err;
}

bool event_filter_lets_pass(const struct event_filter *f, const struct trace_entry *record)
{
	return !f || event_filter_match(f, record, current()->comm, this_cpu(cpu_number));
}

/*
 * notrace: the event is about who hit the tracepoint. As on Linux, triggers don't mind the event's filter, and what
 * switches tracing off comes before the record.
 */
/* Flags and context word as one: a guarded call has four arguments. */
static notrace void record_guarded(struct event *e, struct trace_entry *record, u32 size, u64 context)
{
	u64 eflags = (u32)context;
	u32 word = context >> 32;
	void *fields = NULL;

	trace_entry_fill(record, e->id, eflags, word);
	event_triggers_fire(e, record, false);
	if (READ_ONCE(e->recording) && event_filter_lets_pass(rcu_dereference(e->filter), record))
		fields = ring_buffer_reserve_here(e->id, size, eflags, word);
	if (fields) {
		memcpy(fields, record + 1, size);
		ring_buffer_commit_here(fields);
		trace_stack_if_wanted();
	}
	event_triggers_fire(e, record, true);
}

notrace void event_record(struct event *e, struct trace_entry *record, u32 size, u64 eflags, u32 word)
{
	rcu_read_lock();
	guard_call(GUARD_TRACEPOINT, context_read(), record_guarded, e, record, size,
		   (u64)word << 32 | (u32)eflags);
	rcu_read_unlock();
}

notrace void event_record_within(struct event *e, struct trace_entry *record, u32 size, u64 eflags, u32 word)
{
	rcu_read_lock();
	record_guarded(e, record, size, (u64)word << 32 | (u32)eflags);
	rcu_read_unlock();
}

notrace void event_record_other(struct event *e, struct trace_entry *record, u32 size, u32 word,
				struct ring_cpu *ring)
{
	if (ring) {
		ring_give_up(ring);
		guard_leave(EVENT_GUARD);
		preempt_enable_no_resched();
	}
	event_record(e, record, size, read_eflags(), word);
}

static_assert(sizeof(struct event_filter) + FILTER_TEXT_MAX <= KMALLOC_MAX, "any filter can be allocated");

struct event_filter *event_filter_make(const struct event *e, const char *text, size_t len, int *err,
				       const char **why, size_t *at)
{
	struct event_filter *f = len < FILTER_TEXT_MAX ? kmalloc(event_filter_size(len)) : NULL;

	*at = 0;
	*why = "Operand too long";
	*err = len >= FILTER_TEXT_MAX ? -EINVAL : -ENOMEM;
	if (f)
		*err = event_filter_parse(f, e->fields(e), text, len, why, at);
	if (!*err)
		return f;
	kfree(f);
	return NULL;
}

int event_set_filter(struct event *e, const char *text, size_t len, bool quiet)
{
	struct event_filter *f = NULL, *old = e->filter;
	const char *why;
	size_t at;
	int err = 0;

	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	if (len && !str_is(text, len, "0"))
		f = event_filter_make(e, text, len, &err, &why, &at);
	len = min(len, (size_t)FILTER_TEXT_MAX); /* of one too long, that much is shown */
	if (err == -ENOMEM || (err && quiet))
		return err;
	kfree(e->refused);
	e->refused = err ? kmalloc(KMALLOC_MAX) : NULL;
	if (e->refused)
		snprintf(e->refused, KMALLOC_MAX, "%.*s\n%*s^\nparse_error: %s\n\n", (int)len, text, (int)at,
			 "", why);
	if (err)
		return error_log_refuse("event filter parse error", text, len, at, why);
	/* In order: found by nobody new, then asked by nobody any more, then freed. */
	rcu_assign_pointer(e->filter, f);
	event_update(e);
	if (old)
		synchronize_rcu();
	kfree(old);
	return 0;
}
