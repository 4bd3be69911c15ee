/* Probe events: a probe with a name, a place in words and an "enable" file, as kprobe_events defines them. */
#pragma once

#include "kprobe/kprobe.h"
#include "lib/ctl.h"
#include "lib/list.h"

#define EVENT_NAME_MAX	 64 /* as Linux's MAX_EVENT_NAME_LEN */
#define EVENT_SYMBOL_MAX 64

struct probe_event {
	struct kprobe probe;
	char group[EVENT_NAME_MAX], name[EVENT_NAME_MAX];
	char symbol[EVENT_SYMBOL_MAX]; /* empty: by address */
	u64 offset;
	u32 id; /* in its trace records */
	struct list_head link;
	struct ctl_file enable;
	char enable_path[2 * EVENT_NAME_MAX + sizeof("events///enable")];
	bool doomed; /* goes away if the write now being read is taken */
};

extern struct list_head probe_events;

/*
 * parse.c. One definition, "p[:[GRP/]NAME] SYM[+OFF]|ADDR", into @e. 0, or -errno with the column and the
 * sentence for error_log.
 */
int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why);

/* Thread context. Makes it known: probe registered, files there. As kprobe_register(), and -EEXIST for a taken path. */
int probe_event_add(struct probe_event *e, const char **why);
void probe_event_remove(struct probe_event *e);
