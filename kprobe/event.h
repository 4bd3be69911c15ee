/* Probe events: a probe with a name and a place in words, as kprobe_events defines them, that behaves as a tracepoint. */
#pragma once

#include "ftrace/event.h"
#include "kprobe/fetch.h"
#include "kprobe/kretprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/list.h"

#define EVENT_NAME_MAX	 64 /* as Linux's MAX_EVENT_NAME_LEN */
#define EVENT_SYMBOL_MAX 64

struct probe_event {
	char kind; /* p, r, w: which of these it is; a return probe's is the first one, too */
	union {
		struct kprobe probe;
		struct kretprobe ret;
		struct watchpoint watch;
	};
	u64 addr;
	char group[EVENT_NAME_MAX], name[EVENT_NAME_MAX];
	char symbol[EVENT_SYMBOL_MAX]; /* empty: by address */
	u64 offset;
	u8 nr_args;
	u16 size; /* of a record but for its strings */
	bool strings;
	struct probe_arg *args[PROBE_ARGS_MAX];
	struct event_field *fields; /* event.c's, as all that follows */
	struct event event;
	struct event_files files;
	struct list_head link;
	bool doomed; /* goes away if the write now being read is taken */
};

extern struct list_head probe_events;

#define DEFINITION_MAX 1024

/* define.c. Thread context. A write to kprobe_events: all of it, or none and -errno with what was wrong in error_log. */
int probe_events_define(const char *text, size_t len, bool append);

/*
 * parse.c. One definition into the zeroed @e:
 *	p[:[GRP/][NAME]] SYM[+OFF][%return]|ADDR [ARG ...]
 *	r[MAXACTIVE][:[GRP/][NAME]] SYM|ADDR [ARG ...]
 *	w[:[GRP/][NAME]] SYM[+OFF]|ADDR[:LENGTH[:r|w|x|rw]] [ARG ...]
 * 0, or -errno with the column and the sentence for error_log; then nothing is kept.
 */
int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why);
/* The [GRP/][NAME] at t->at, up to white space; GRP is kprobes if not given, NAME may be empty only behind a slash. */
int probe_name_parse(struct probe_text *t, char *group, char *name);
/* Its arguments. */
void probe_event_free(struct probe_event *e);
/* The definition again. */
void probe_event_show(struct seq *out, const struct probe_event *e);

/* Thread context. What it stands on: as kprobe_register(), kprobe_unregister(). */
int probe_event_register(struct probe_event *e, const char **why);
void probe_event_unregister(struct probe_event *e);
bool probe_event_armed(const struct probe_event *e);
/* How often it was hit, and how often that was missed. */
u64 probe_event_hits(const struct probe_event *e, u64 *missed);

/* It is armed, or will be. */
static inline bool probe_event_busy(const struct probe_event *e)
{
	return probe_event_armed(e) || e->event.triggers;
}
/* Thread context. Makes its files ready: -ENOMEM, and as event_files_make(). */
int probe_event_prepare(struct probe_event *e);
/* Thread context. Makes one with a registered probe known: files there. */
void probe_event_add(struct probe_event *e);
void probe_event_remove(struct probe_event *e);
