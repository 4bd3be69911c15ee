/* Splits the command line into words and knows each, or says it doesn't. */
#include "kernel/cmdline.h"

#include "lib/compiler.h"
#include "lib/printk.h"
#include "lib/string.h"

struct cmdline cmdline = { .stress = 1 };

static const struct option {
	const char *name;
	bool *flag;
	u64 *number; /* or this: at least 1 */
} options[] = {
	{ .name = "test", .flag = &cmdline.test },
	{ .name = "debug", .flag = &cmdline.debug },
	{ .name = "stress", .number = &cmdline.stress },
	{ .name = "chaos", .number = &cmdline.chaos },
	{ .name = "start_fails", .number = &cmdline.start_fails },
	{ .name = "start_late", .number = &cmdline.start_late },
	{ .name = "start_nomem", .number = &cmdline.start_nomem },
};

static const struct option *find(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == len && strncmp(options[i].name, word, len) == 0)
			return &options[i];
	return NULL;
}

static void set_option(const char *word, size_t len)
{
	size_t name = 0;
	const struct option *o;
	u64 n;

	while (name < len && word[name] != '=')
		name++;
	o = find(word, name);
	if (o && o->flag && name == len)
		*o->flag = true;
	else if (o && o->number && name < len && parse_u64(word + name + 1, len - name - 1, 0, &n) && n)
		*o->number = n;
	else if (o)
		printk("cmdline: \"%.*s\" ignored: %s %s\n", (int)len, word, o->name,
		       o->flag ? "takes no value" : "wants =NUMBER, at least 1");
	else
		printk("cmdline: unknown option \"%.*s\" ignored\n", (int)len, word);
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
		set_option(text, len);
		text += len;
	}
}
