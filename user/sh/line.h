/*
 * A line being typed: bytes from the terminal in, edits and what to draw out.
 *
 * Knows no console, no commands and no files; its client does. Plain ASCII, one screen row that
 * scrolls sideways, so that it needs to know nothing of how a terminal wraps.
 */
#pragma once

#include "user/sh/history.h"
#include "user/sh/parse.h"

#define LINE_COLUMNS 80

/* What could follow the text before the cursor. */
struct completion {
	unsigned matches;
	char insert[256]; /* how all matches go on; a unique one ends in ' ' or '/' */
};

struct line_client {
	void (*draw)(void *arg, const char *text, size_t len);
	/* Completes the word that ends at @len. */
	void (*complete)(void *arg, const char *text, size_t len, struct completion *c);
	/* Draws the candidates for it, whole lines. */
	void (*list)(void *arg, const char *text, size_t len);
	void *arg;
};

enum line_state {
	LINE_MORE,
	LINE_DONE,    /* Enter: text is the line */
	LINE_DROPPED, /* ^C */
	LINE_EOF,     /* ^D on an empty line */
};

/* How far into an escape sequence the bytes have come. */
enum line_key {
	KEY_PLAIN,
	KEY_ESC,      /* ESC */
	KEY_CSI,      /* ESC [ and digits */
	KEY_CSI_REST, /* ESC [ and what we don't read, up to the final byte */
	KEY_SS3,      /* ESC O */
};

struct line {
	const struct line_client *client;
	const char *prompt;
	char text[SHELL_LINE_MAX + 1]; /* always NUL-terminated at len */
	size_t len, pos;
	size_t left; /* the first byte on the screen */

	enum line_key key;
	unsigned key_number; /* of "ESC [ NUMBER ~" */
	char last;	     /* the byte before this one */

	struct history history;
	unsigned back;			/* how far back in it the shown line is; 0: not at all */
	char stash[SHELL_LINE_MAX + 1]; /* what was being typed before going back */
};

/* Once. The structure is large, for a static one. */
void line_init(struct line *l, const struct line_client *client);
/* Begins an empty line and draws @prompt, which must stay as it is until the line ends. */
void line_start(struct line *l, const char *prompt);
enum line_state line_feed(struct line *l, char c);
