/* Probe events: a probe with a name and a place in words, as kprobe_events defines them, that behaves as a tracepoint. */
#pragma once

#include "ftrace/event.h"
#include "kprobe/kprobe.h"
#include "lib/list.h"

#define EVENT_NAME_MAX	 64 /* as Linux's MAX_EVENT_NAME_LEN */
#define EVENT_SYMBOL_MAX 64

struct probe_event {
	struct kprobe probe;
	char group[EVENT_NAME_MAX], name[EVENT_NAME_MAX];
	char symbol[EVENT_SYMBOL_MAX]; /* empty: by address */
	u64 offset;
	struct event event;
	struct event_files files;
	struct list_head link;
	bool doomed; /* goes away if the write now being read is taken */
};

extern struct list_head probe_events;

/*
 * parse.c. One definition, "p[:[GRP/]NAME] SYM[+OFF]|ADDR", into @e. 0, or -errno with the column and the
 * sentence for error_log.
 */
int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why);

/* It is armed, or will be. */
static inline bool probe_event_busy(const struct probe_event *e)
{
	return e->probe.armed || e->event.triggers;
}
/* Thread context. Makes its files ready: as event_files_make(). */
int probe_event_prepare(struct probe_event *e);
/* Thread context. Makes one with a registered probe known: files there. */
void probe_event_add(struct probe_event *e);
void probe_event_remove(struct probe_event *e);
