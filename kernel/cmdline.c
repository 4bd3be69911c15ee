/* Splits the command line into words and knows each, or says it doesn't. */
#include "kernel/cmdline.h"

#include "lib/compiler.h"
#include "lib/printk.h"
#include "lib/string.h"

struct cmdline cmdline = { .stress = 1 };

static const struct option {
	const char *name;
	bool *flag;
	u64 *number;	   /* or this: at least 1 */
	bool size;	   /* a number that K, M or G may follow */
	char *word;	   /* or this: as long as cmdline.trace */
	const char **text; /* or this: where it stands, up to white space */
} options[] = {
	{ .name = "test", .flag = &cmdline.test },
	{ .name = "debug", .flag = &cmdline.debug },
	{ .name = "stress", .number = &cmdline.stress },
	{ .name = "trace", .word = cmdline.trace },
	{ .name = "trace_buf_size", .number = &cmdline.trace_buf_size, .size = true },
	{ .name = "kprobe_event", .text = &cmdline.kprobe_event },
	{ .name = "sweep", .text = &cmdline.sweep },
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

static bool take_number(const struct option *o, const char *value, size_t len)
{
	static const char units[] = "KMG";
	const char *unit = o->size && len ? strchr(units, value[len - 1]) : NULL;
	unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
	u64 n;

	if (!parse_u64(value, len - (shift > 0), 0, &n) || !n || n << shift >> shift != n)
		return false;
	*o->number = n << shift;
	return true;
}

/* @value: what stands behind the '=', or NULL. */
static bool take(const struct option *o, const char *value, size_t len)
{
	if (!value || o->flag) {
		if (!value && o->flag)
			*o->flag = true;
		return !value && o->flag;
	}
	if (o->text) {
		if (len)
			*o->text = value;
		return len;
	}
	if (o->word) {
		if (!len || len >= sizeof(cmdline.trace))
			return false;
		strscpy(o->word, value, len + 1); /* nothing stays of one before */
		return true;
	}
	return take_number(o, value, len);
}

static void set_option(const char *word, size_t len)
{
	size_t name = 0;
	const struct option *o;

	while (name < len && word[name] != '=')
		name++;
	o = find(word, name);
	if (!o)
		printk("cmdline: unknown option \"%.*s\" ignored\n", (int)len, word);
	else if (!take(o, name < len ? word + name + 1 : NULL, len - name - (name < len)))
		printk("cmdline: \"%.*s\" ignored: %s %s\n", (int)len, word, o->name,
		       o->flag	 ? "takes no value"
		       : o->word ? "wants =NAME"
		       : o->text ? "wants =DEFINITION[;DEFINITION]..."
				 : "wants =NUMBER, at least 1");
}

/* The word at or behind @text; its length, 0 at the end. */
static size_t next_word(const char **text)
{
	size_t len = 0;

	while (isspace(**text))
		++*text;
	while ((*text)[len] && !isspace((*text)[len]))
		len++;
	return len;
}

void cmdline_init(const char *text)
{
	for (size_t len; (len = next_word(&text)); text += len)
		set_option(text, len);
}

bool cmdline_has(const char *text, const char *word)
{
	for (size_t len; (len = next_word(&text)); text += len)
		if (len == strlen(word) && memcmp(text, word, len) == 0)
			return true;
	return false;
}
