/* What the readers of probe definitions share. */
#pragma once

#include "kprobe/event.h"
#include "lib/string.h"

/* Where the word at @at ends: at white space. */
static inline size_t word_end(const char *line, size_t at)
{
	while (line[at] && !isspace(line[at]))
		at++;
	return at;
}

static inline size_t skip_space(const char *line, size_t at)
{
	while (isspace(line[at]))
		at++;
	return at;
}

/* place.c. The word behind t->at: where the probe is; t->at is then where that begins. 0, or -errno. */
int probe_place_parse(struct probe_text *t, struct probe_event *e);
/* Does a function begin at @addr? */
bool probe_is_entry(u64 addr);
