/* Splits the command line into words and knows each, or says it doesn't. */
#include "kernel/cmdline.h"

#include "lib/compiler.h"
#include "lib/debug.h"
#include "lib/printk.h"
#include "lib/string.h"

struct cmdline cmdline;
bool debug_enabled;

static const struct {
	const char *name;
	bool *flag;
} options[] = {
	{ "test", &cmdline.test },
	{ "debug", &debug_enabled },
};

static bool set_option(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strlen(options[i].name) == len && strncmp(options[i].name, word, len) == 0) {
			*options[i].flag = true;
			return true;
		}
	}
	return false;
}

void cmdline_init(const char *text)
{
	for (;;) {
		size_t len = 0;

		while (isspace(*text))
			text++;
		while (text[len] && !isspace(text[len]))
			len++;
		if (!len)
			return;
		if (!set_option(text, len))
			printk("cmdline: unknown option \"%.*s\" ignored\n", (int)len, text);
		text += len;
	}
}
