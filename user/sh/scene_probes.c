/* Removes the probes of the group "tour", which kprobe_events lists among others. */
#include "user/sh/scene_probes.h"

#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/seq.h"
#include "lib/string.h"
#include "tracefs/tracefs.h"

#define GROUP	  ":tour/"
#define NAME_MAX  64
#define NAMES_MAX 8 /* more than any scene has */

/* A line's beginning, as much as it takes to know. */
struct list {
	struct seq seq;
	char line[sizeof("p" GROUP) + NAME_MAX];
	size_t len;
	char names[NAMES_MAX][NAME_MAX];
	unsigned nr;
};

/* "p:tour/NAME …", or r, or with a number behind that. */
static void take(struct list *l)
{
	char *name = strstr(l->line, GROUP);
	size_t len = 0;

	if (!name || l->nr == NAMES_MAX)
		return;
	for (name += strlen(GROUP); name[len] && name[len] != ' ';)
		len++;
	if (len >= NAME_MAX)
		return;
	name[len] = 0;
	strscpy(l->names[l->nr++], name, NAME_MAX);
}

static void look(struct seq *s, const char *text, size_t len)
{
	struct list *l = container_of(s, struct list, seq);

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			l->line[l->len] = 0;
			take(l);
			l->len = 0;
		} else if (l->len < sizeof(l->line) - 1) {
			l->line[l->len++] = text[i];
		}
	}
}

bool scene_probes_exist(void)
{
	bool is_dir;

	return tracefs_stat(TRACEFS_MOUNT "/events/tour", &is_dir) == 0;
}

void scene_probes_remove(void)
{
	struct list l = { .seq = { .write = look } };

	if (!scene_probes_exist())
		return;
	tracefs_write(TRACEFS_MOUNT "/events/tour/enable", "0", 1, false);
	tracefs_read(TRACEFS_MOUNT "/kprobe_events", &l.seq);
	while (l.nr) {
		char line[sizeof("-" GROUP) + NAME_MAX];
		int len = snprintf(line, sizeof(line), "-" GROUP "%s", l.names[--l.nr]);

		tracefs_write(TRACEFS_MOUNT "/kprobe_events", line, (size_t)len, true);
	}
}
