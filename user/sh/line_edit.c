/* Text changes and their drawing; the terminal is only asked for "\r", "ESC [K" and "ESC [nD". */
#include "user/sh/line_edit.h"
#include "lib/printf.h"
#include "lib/string.h"

/* Of a longer prompt only the end is shown: some of the row must be left to type in. */
#define PROMPT_COLUMNS 60

void line_draw(struct line *l, const char *text, size_t len)
{
	if (len)
		l->client->draw(l->client->arg, text, len);
}

void line_bell(struct line *l) { line_draw(l, "\a", 1); }

static const char *shown_prompt(const struct line *l)
{
	size_t len = strlen(l->prompt);

	return l->prompt + (len > PROMPT_COLUMNS ? len - PROMPT_COLUMNS : 0);
}

/* Bytes of text that fit behind the prompt; "^C" may follow, and the last column stays free: a full row
 * wraps. */
static size_t room(const struct line *l) { return LINE_COLUMNS - 1 - strlen("^C") - strlen(shown_prompt(l)); }

/* Keeps the cursor in the row, and what it is about to delete in sight. */
static void scroll(struct line *l)
{
	if (l->left && l->pos <= l->left)
		l->left = l->pos > room(l) / 2 ? l->pos - room(l) / 2 : 0;
	else if (l->pos > l->left + room(l))
		l->left = l->pos - room(l);
}

void line_redraw(struct line *l)
{
	const char *prompt = shown_prompt(l);
	size_t shown, behind;
	char escape[16];

	scroll(l);
	shown = min(l->len - l->left, room(l));
	behind = l->left + shown - l->pos;
	line_draw(l, "\r", 1);
	line_draw(l, prompt, strlen(prompt));
	line_draw(l, l->text + l->left, shown);
	line_draw(l, "\033[K", 3);
	if (behind)
		line_draw(l, escape, (size_t)snprintf(escape, sizeof(escape), "\033[%zuD", behind));
}

void line_insert(struct line *l, const char *text, size_t len)
{
	bool simple = l->pos == l->len && l->pos + len <= l->left + room(l);

	if (l->len + len > SHELL_LINE_MAX) {
		line_bell(l);
		return;
	}
	memmove(l->text + l->pos + len, l->text + l->pos, l->len - l->pos + 1);
	memcpy(l->text + l->pos, text, len);
	l->len += len;
	l->pos += len;
	if (simple)
		line_draw(l, text, len);
	else
		line_redraw(l);
}

void line_delete(struct line *l, size_t from, size_t to)
{
	if (from == to) {
		line_bell(l);
		return;
	}
	memmove(l->text + from, l->text + to, l->len - to + 1);
	l->len -= to - from;
	l->pos = from;
	line_redraw(l);
}

void line_replace(struct line *l, const char *text)
{
	l->len = (size_t)strscpy(l->text, text, sizeof(l->text));
	l->pos = l->len;
	line_redraw(l);
}

void line_move(struct line *l, size_t pos)
{
	if (pos == l->pos) {
		line_bell(l);
		return;
	}
	l->pos = pos;
	line_redraw(l);
}
