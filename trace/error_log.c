/* Keeps the last eight refusals; Linux's format, and Linux's number. */
#include "trace/error_log.h"

#include "abi/errno.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/clock.h"

#define ENTRIES 8

static struct {
	u64 time;
	size_t column;
	char subsystem[32], message[96], command[256];
} entries[ENTRIES];
static unsigned nr; /* ever logged since the last clearing */

/* Of a command that is too long, the part around the place. */
void error_log(const char *subsystem, const char *command, size_t column, const char *message)
{
	__typeof__(entries[0]) *e = &entries[nr++ % ENTRIES];

	if (column >= sizeof(e->command) - 1) {
		command += column - sizeof(e->command) / 2;
		column = sizeof(e->command) / 2;
	}
	e->time = trace_clock();
	e->column = column;
	strscpy(e->subsystem, subsystem, sizeof(e->subsystem));
	strscpy(e->message, message, sizeof(e->message));
	strscpy(e->command, command, sizeof(e->command));
}

int error_log_refuse(const char *subsystem, const char *text, size_t len, size_t at, const char *message)
{
	char line[sizeof(entries[0].command) / 2];
	size_t start = at, n = 0;

	while (start && text[start - 1] != '\n' && at - start < sizeof(line) / 2)
		start--;
	for (size_t i = start; i < len && text[i] != '\n' && n < sizeof(line) - 1; i++) {
		line[n] = text[i];
		if (!isprint(line[n]) && line[n] != '\t')
			line[n] = '?';
		n++;
	}
	line[n] = 0;
	error_log(subsystem, line, at - start, message);
	return -EINVAL;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	for (unsigned i = nr > ENTRIES ? nr - ENTRIES : 0; i < nr; i++) {
		__typeof__(entries[0]) *e = &entries[i % ENTRIES];
		u64 us = e->time / 1000;

		seq_printf(out, "[%5lu.%06lu] %s: error: %s\n  Command: %s\n%*s^\n", us / 1000000,
			   us % 1000000, e->subsystem, e->message, e->command, (int)(e->column + 11), "");
	}
	return 0;
}

/* Opening it with truncation clears it, as on Linux. */
static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (!append)
		nr = 0;
	return 0;
}
CTL_FILE(ctl_error_log, .path = "error_log", .show = show, .store = store);
