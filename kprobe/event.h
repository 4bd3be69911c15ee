/* Probe events: a probe with a name and a place in words, as kprobe_events defines them, that behaves as a tracepoint. */
#pragma once

#include "ftrace/event.h"
#include "kprobe/fetch.h"
#include "kprobe/kretprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/list.h"

#define EVENT_NAME_MAX	 64 /* as Linux's MAX_EVENT_NAME_LEN */
#define EVENT_SYMBOL_MAX 64

struct probe_event;

/* What probe events of one file stand on: kernel text, or programs. Thread context, all of it. */
struct probe_family {
	const char *log, *group; /* whose refusals they are in error_log; the default group */
	struct list_head *events;
	size_t size; /* of what begins with the struct probe_event */
	bool user;   /* addresses are a program's, without names here */
	/* As probe_event_parse() and probe_event_show(). */
	int (*parse)(struct probe_event *e, const char *line, size_t *column, const char **why);
	void (*show)(struct seq *out, const struct probe_event *e);
	/* As kprobe_register(), kprobe_unregister(), kprobe_arm() and kprobe_disarm(). */
	int (*probe)(struct probe_event *e, const char **why);
	void (*unprobe)(struct probe_event *e);
	int (*arm)(struct probe_event *e, bool on);
	const bool *(*armed)(const struct probe_event *e);
	u64 (*hits)(const struct probe_event *e, u64 *missed);
};
extern const struct probe_family kprobe_family;

struct probe_event {
	const struct probe_family *family;
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
	u8 place; /* FETCH_ENTRY and so on: which arguments there are */
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

/* define.c. Thread context. A write to the family's file: all of it, or none and -errno with what was wrong in error_log. */
int probe_events_define(const struct probe_family *f, const char *text, size_t len, bool append);
void probe_events_show(struct seq *out, const struct probe_family *f);
/* files.c. As kprobe_profile has them. */
void probe_events_profile(struct seq *out, const struct probe_family *f);

/*
 * parse.c. One definition into the zeroed @e:
 *	p[:[GRP/][NAME]] SYM[+OFF][%return]|ADDR [ARG ...]
 *	r[MAXACTIVE][:[GRP/][NAME]] SYM|ADDR [ARG ...]
 *	w[:[GRP/][NAME]] SYM[+OFF]|ADDR[:LENGTH[:r|w|x|rw]] [ARG ...]
 * 0, or -errno with the column and the sentence for error_log; then nothing is kept.
 */
int probe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why);
/* The [GRP/][NAME] at t->at, up to white space; @group comes in as what it is if not given, NAME may be empty only behind a slash. */
int probe_name_parse(struct probe_text *t, char *group, char *name);
/* The arguments behind the word at t->at, for a place that is known already. */
int probe_args_parse(struct probe_text *t, struct probe_event *e);
/* Its arguments. */
void probe_event_free(struct probe_event *e);
/* The definition again. And of any family what stands behind the place. */
void probe_event_show(struct seq *out, const struct probe_event *e);
void probe_args_show(struct seq *out, const struct probe_event *e);
/* Makes a name that isn't given fit to be one: what can't be in it is a line below. */
void probe_name_mend(char *name);

/* Preemption off. It was hit: @ip, and of a return where it goes to. */
void probe_event_record(struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip);

/* It is armed, or will be. */
static inline bool probe_event_busy(const struct probe_event *e)
{
	return *e->family->armed(e) || e->event.triggers;
}
/* Thread context. Makes its files ready: -ENOMEM, and as event_files_make(). */
int probe_event_prepare(struct probe_event *e);
/* Thread context. Makes one with a registered probe known: files there. */
void probe_event_add(struct probe_event *e);
void probe_event_remove(struct probe_event *e);
