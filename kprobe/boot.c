/* Probe events from the kernel command line: there, and recorded, before the first command. */
#include "kprobe/boot.h"

#include "abi/errno.h"
#include "arch/x86/boot/boot_info.h"
#include "kprobe/event.h"
#include "lib/printk.h"
#include "lib/string.h"

static void define(char *line, size_t len)
{
	int err;

	for (size_t i = 0; i < len; i++)
		if (line[i] == ',')
			line[i] = ' ';
	err = probe_events_define(&kprobe_family, line, len, true);
	if (err)
		printk("cmdline: Failed to add event(%d): %.*s: %s, see error_log\n", err, (int)len, line,
		       strerror(err));
}

static void switch_on(struct probe_event *e)
{
	int err = event_set_recording(&e->event, true);

	if (err)
		printk("cmdline: Failed to enable event(%d): %s/%s: %s\n", err, e->group, e->name,
		       strerror(err));
}

void kprobe_boot_events(const char *text)
{
	static char copy[BOOT_CMDLINE_MAX];
	struct probe_event *e;
	size_t len = 0, start = 0;

	while (text[len] && !isspace(text[len]) && len < sizeof(copy))
		len++;
	memcpy(copy, text, len);
	for (size_t end = 0; end <= len; end++) {
		if (end < len && copy[end] != ';')
			continue;
		define(copy + start, end - start);
		start = end + 1;
	}
	list_for_each_entry(e, &probe_events, link)
		switch_on(e);
}
