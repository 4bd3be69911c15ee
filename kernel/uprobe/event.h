/* Probe events of programs. */
#pragma once

#include "kernel/uprobe/uprobe.h"
#include "kprobe/event.h"

struct uprobe_event {
	struct probe_event event; /* first, as struct probe_family says */
	struct uprobe probe;
	struct uprobe_spot spot;
	struct probe_file file;
	const u8 *data;
	size_t len;
	char program[EVENT_NAME_MAX];
	u64 offset; /* in the file */
};

/*
 * parse.c. As probe_event_parse():
 *	p|r[:[GRP/][NAME]] /bin/PROGRAM:OFFSET|SYMBOL[+OFF][%return] [ARG ...]
 */
int uprobe_event_parse(struct probe_event *e, const char *line, size_t *column, const char **why);
void uprobe_event_show(struct seq *out, const struct probe_event *e);
