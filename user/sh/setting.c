/* A setting's text: cut out of what its file shows. */
#include "user/sh/setting.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/seq.h"
#include "lib/string.h"
#include "tracefs/tracefs.h"

static void word(char *text)
{
	char *end = text;

	while (*end && *end != ':' && *end != '\n')
		end++;
	*end = 0;
	if (strcmp(text, "none") == 0)
		*text = 0;
}

static void choice(char *text)
{
	const char *from = strchr(text, '[');
	const char *end = from ? strchr(from, ']') : NULL;
	size_t len = end ? (size_t)(end - from - 1) : 0;

	if (len)
		memmove(text, from + 1, len);
	text[len] = 0;
}

static void names(char *text, bool functions)
{
	char *to = text;

	while (*text) {
		const char *end = strchr(text, '\n');
		size_t len = end ? (size_t)(end + 1 - text) : strlen(text);

		if (*text != '#' && !(functions && memchr(text, ':', len))) {
			memmove(to, text, len);
			to += len;
		}
		text += len;
	}
	*to = 0;
}

static void path_of(const struct setting *s, char *path)
{
	snprintf(path, TRACEFS_PATH_MAX, TRACEFS_MOUNT "/%s", s->file);
}

int setting_read(const struct setting *s, char *text, size_t room)
{
	char path[TRACEFS_PATH_MAX];
	struct seq_buf b;
	int err;

	seq_buf_init(&b, text, room);
	path_of(s, path);
	err = tracefs_read(path, &b.seq);
	if (!err && b.seq.overflow)
		err = -E2BIG;
	if (s->kind == SETTING_WORD)
		word(text);
	else if (s->kind == SETTING_CHOICE)
		choice(text);
	else
		names(text, s->kind == SETTING_FUNCTIONS);
	return err;
}

/* The first write truncates; each but the last ends with a line, and none is longer than a write may be. */
int setting_write(const struct setting *s, const char *value)
{
	char path[TRACEFS_PATH_MAX];
	bool append = false;
	int err;

	path_of(s, path);
	do {
		size_t len = strlen(value);

		if (len > TRACEFS_WRITE_MAX)
			for (len = TRACEFS_WRITE_MAX; len > 1 && value[len - 1] != '\n';)
				len--;
		err = tracefs_write(path, value, len, append);
		value += len;
		append = true;
	} while (!err && *value);
	return err;
}
