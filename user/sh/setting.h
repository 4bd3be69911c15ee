/* A control file that has one value: read as it could be written, and written. */
#pragma once

#include "lib/types.h"

/* How a file shows what is to be written into it. */
enum setting_kind {
	SETTING_WORD,	   /* up to a colon or the line's end; "none" is written as nothing */
	SETTING_CHOICE,	   /* the word in brackets */
	SETTING_FUNCTIONS, /* a name a line, besides remarks and commands ("name:command") */
	SETTING_EVENTS	   /* a name a line */
};

struct setting {
	const char *file, *usual; /* below tracefs' root; its value at boot */
	enum setting_kind kind;
};

/* What would have to be written for it to be as it is, in @text; or -errno, -E2BIG where that has no room. */
int setting_read(const struct setting *s, char *text, size_t room);
/* In as many writes as it takes. 0, or what the file says; then a list may have been written in part. */
int setting_write(const struct setting *s, const char *value);
