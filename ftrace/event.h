/*
 * Events switched on and off, filtered, and made to trigger something; and their control files.
 *
 * All in thread context, one at a time, as control files have their clients. Who records meanwhile reads filter and
 * triggers under RCU.
 */
#pragma once

#include "ftrace/event_filter.h"
#include "lib/ctl.h"
#include "trace/event_record.h"

struct event_hist;

/* 0, or -errno of an event that isn't a tracepoint; then it isn't recorded. */
int event_set_recording(struct event *e, bool on);
bool event_is_recording(const struct event *e);
/* Brings the site up to date with recording, filter and triggers. */
int event_update(struct event *e);
/* Each event recorded as its draft says, or as before and -errno. */
int events_apply_drafts(void);
/*
 * -EINVAL: refused, with reason in "filter" and in error_log unless @quiet; what there was stays. -ENOMEM. Empty or "0":
 * none.
 */
int event_set_filter(struct event *e, const char *text, size_t len, bool quiet);
/* The filter for @text: NULL with the error in *@err; with -EINVAL also what is wrong with it, and where.
 * kfree() takes it back, when nobody reads it any more. */
struct event_filter *event_filter_make(const struct event *e, const char *text, size_t len, int *err,
				       const char **why, size_t *at);
/* Any context. NULL lets all pass. */
bool event_filter_lets_pass(const struct event_filter *f, const struct trace_entry *record);

/* event_trigger.c. One line of the file "trigger". */
int event_set_trigger(struct event *e, const char *text, size_t len);
void event_triggers_show(struct seq *out, const struct event *e);
/* -ENOMEM */
int event_hists_show(struct seq *out, const struct event *e);
/* Preemption off. Those that come @after the record is written, or those before. */
void event_triggers_fire(const struct event *e, const struct trace_entry *record, bool after);

/* event_hist.c. "keys=FIELD[:vals=hitcount][:sort=FIELD[.descending]][:size=N]", or NULL and why. */
struct event_hist *event_hist_make(const struct event *e, const char *text, size_t len, const char **why);
/* NULL is allowed. */
void event_hist_free(struct event_hist *h);
bool event_hist_same(const struct event_hist *a, const struct event_hist *b);
/* Any context. */
void event_hist_add(struct event_hist *h, const void *record);
/* As it was asked for, with all that was left out. */
void event_hist_describe(struct seq *out, const struct event_hist *h);
/* -ENOMEM */
int event_hist_show(struct seq *out, const struct event_hist *h);

/* event_files.c. An event of run time, with its folder and that of its system. */
#define EVENT_FILES 2
struct event_files {
	struct ctl_file own, system;
	char own_path[160], system_path[96];
};
/* Makes ready: -EEXIST when there is an event or a file of this name that isn't of run time. */
int event_files_make(struct event_files *f, struct event *e);
void event_add(struct event *e, struct event_files *f);
/* It is off, without triggers, and nobody can hit it any more. */
void event_remove(struct event *e, struct event_files *f);
