/* The last lines typed, oldest first, in one piece of memory that forgets from the front. */
#pragma once

#include "lib/types.h"

#define HISTORY_LINES 32
#define HISTORY_BYTES 8192

struct history {
	char text[HISTORY_BYTES]; /* NUL-terminated lines, one after the other */
	size_t used;
	unsigned lines;
};

/* Empty lines and repetitions of the newest are not worth a place. @len is below HISTORY_BYTES. */
void history_add(struct history *h, const char *line, size_t len);
/* The @back-th newest, from 1; NULL when there are not so many. */
const char *history_get(const struct history *h, unsigned back);
