/* The settings that scenes change: remembered, set aside, and put back. */
#include "user/sh/settings.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/sh/internal.h"
#include "user/sh/scene_probes.h"
#include "user/sh/setting.h"
#include "user/lib/heap.h"

/*
 * In the order in which they are put back, and set aside the other way round: what instruments run by before the instruments. Last
 * of all whether anything is recorded.
 */
static const struct setting settings[] = {
	{ "kprobes/unsafe", "0", SETTING_WORD },
	{ "kprobes/technique", "auto", SETTING_CHOICE },
	{ "recursion/flag_at", "after", SETTING_CHOICE },
	{ "recursion/policy", "context", SETTING_CHOICE },
	{ "recursion/consumer", "", SETTING_WORD },
	{ "rcu/check", "0", SETTING_WORD },
	{ "set_ftrace_filter", "", SETTING_FUNCTIONS },
	{ "current_tracer", "nop", SETTING_WORD },
	{ "set_event", "", SETTING_EVENTS },
	{ "tracing_on", "1", SETTING_WORD },
};

/* What they were, one behind the other, each with its NUL; behind them is room to look at one. The names of all functions fit in. */
#define ROOM (256 * 1024)
static char *kept_text;
static size_t kept_size;
static char *kept[ARRAY_SIZE(settings)];

/* Behind what is kept. */
static int look(const struct setting *s, char **text)
{
	*text = kept_text + kept_size;
	return setting_read(s, *text, ROOM - kept_size);
}

static int set(const struct setting *s, const char *value)
{
	char *now;

	return look(s, &now) == 0 && strcmp(now, value) == 0 ? 0 : setting_write(s, value);
}

static void tell(const struct setting *s, const char *what, const char *value)
{
	bool is_list = s->kind == SETTING_FUNCTIONS || s->kind == SETTING_EVENTS;

	seq_printf(&shell_console, "(%s is %s%s%s)\n", s->file, what, is_list ? "" : ": ",
		   is_list ? "" : value);
}

static void tell_error(const struct setting *s, const char *what, int err)
{
	seq_printf(&shell_console, "(%s %s: %s)\n", s->file, what, strerror(err));
}

static bool is_usual(size_t i) { return strcmp(kept[i], settings[i].usual) == 0; }

static int keep_all(void)
{
	kept_size = 0;
	kept_text = heap_alloc(ROOM);
	if (!kept_text)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int err = look(&settings[i], &kept[i]);

		if (err) {
			tell_error(&settings[i], "can't be remembered", err);
			return err;
		}
		kept_size += strlen(kept[i]) + 1;
	}
	return 0;
}

/* A scene would add to probes that are called like its own, and remove them in the end. */
static int look_for_probes(void)
{
	if (!scene_probes_exist())
		return 0;
	seq_puts(&shell_console,
		 "(There are probes of the group tour, which is the scenes': remove them, by echo 0 >\n"
		 "events/tour/enable; echo -:tour/NAME >> kprobe_events)\n");
	return -EBUSY;
}

/* From the last to the first, which is put back first. */
static int set_all_aside(void)
{
	for (size_t i = ARRAY_SIZE(settings); i--;) {
		int err = is_usual(i) ? 0 : set(&settings[i], settings[i].usual);

		if (err) {
			tell_error(&settings[i], "can't be set aside", err);
			return err;
		}
		if (!is_usual(i))
			tell(&settings[i], "set aside", kept[i]);
	}
	return 0;
}

int settings_set_aside(const struct seq *out)
{
	int err = look_for_probes();

	if (err)
		return err;
	err = keep_all();
	if (!err && seq_is_closed(out))
		err = -EINTR;
	if (err) {
		heap_free(kept_text);
		return err;
	}
	err = set_all_aside();
	if (err)
		settings_put_back();
	return err;
}

void settings_as_at_boot(void)
{
	for (size_t i = ARRAY_SIZE(settings); i--;)
		set(&settings[i], settings[i].usual);
}

int settings_put_back(void)
{
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int err = set(&settings[i], kept[i]);

		if (!err && !is_usual(i))
			tell(&settings[i], "put back", kept[i]);
		if (err) {
			tell_error(&settings[i], "can't be put back", err);
			failed = -EIO;
		}
	}
	heap_free(kept_text);
	return failed;
}
