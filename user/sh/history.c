/* The memory of what was typed: a queue of lines of any length. */
#include "user/sh/history.h"
#include "lib/string.h"

static void forget_oldest(struct history *h)
{
	size_t len = strlen(h->text) + 1;

	h->used -= len;
	h->lines--;
	memmove(h->text, h->text + len, h->used);
}

void history_add(struct history *h, const char *line, size_t len)
{
	const char *newest = history_get(h, 1);

	if (!len || (newest && strlen(newest) == len && !memcmp(newest, line, len)))
		return;
	while (h->lines == HISTORY_LINES || h->used + len + 1 > HISTORY_BYTES)
		forget_oldest(h);
	memcpy(h->text + h->used, line, len);
	h->text[h->used + len] = '\0';
	h->used += len + 1;
	h->lines++;
}

const char *history_get(const struct history *h, unsigned back)
{
	const char *line = h->text;

	if (!back || back > h->lines)
		return NULL;
	for (unsigned skip = h->lines - back; skip; skip--)
		line += strlen(line) + 1;
	return line;
}
