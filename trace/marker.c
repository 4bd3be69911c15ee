/* trace_marker: what is written to it is an event. */
#include "abi/errno.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "lib/trace_printk.h"
#include "trace/event.h"
#include "trace/options.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"

/* What Linux takes of one write; who writes more gets several events. */
#define MARKER_MAX 1024

struct print_event {
	u64 ip;
	char buf[]; /* ends in a newline and a NUL, as on Linux */
};

static bool with_markers = true;
TRACE_OPTION(markers, "markers", &with_markers);

/* False: not recorded. */
static bool record(u64 ip, const char *text, size_t len)
{
	bool line = len && text[len - 1] == '\n';
	struct print_event *e;

	len = min(len, RING_PAYLOAD_MAX - sizeof(*e) - 2);
	e = ring_buffer_reserve(TRACE_PRINT, sizeof(*e) + len + !line + 1);
	if (!e)
		return false;
	e->ip = ip;
	memcpy(e->buf, text, len);
	if (!line)
		e->buf[len++] = '\n';
	e->buf[len] = 0;
	ring_buffer_commit(e);
	trace_stack_if_wanted();
	return true;
}

/* The lines are told by this name: Linux's. */
static noinline int tracing_mark_write(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (!with_markers)
		return -EINVAL;
	while (len) {
		size_t n = min(len, (size_t)MARKER_MAX);

		if (!record(THIS_IP, text, n))
			return -EBADF;
		text += n;
		len -= n;
	}
	return 0;
}
CTL_FILE(ctl_trace_marker, .path = "trace_marker", .store = tracing_mark_write, .bytes = true);

/* The newline is the line's own. */
static void print_text(struct seq *out, const char *text)
{
	size_t len = strlen(text);

	seq_write(out, text, len - (len && text[len - 1] == '\n'));
}

static void print(struct seq *out, const void *payload)
{
	const struct print_event *e = payload;

	trace_print_ip(out, e->ip);
	seq_puts(out, ": ");
	print_text(out, e->buf);
}

static void print_raw(struct seq *out, const void *payload)
{
	const struct print_event *e = payload;

	seq_printf(out, "# %lx ", e->ip);
	print_text(out, e->buf);
}
EVENT_TYPE(print_event_type, .type = TRACE_PRINT, .print = print, .raw = print_raw);
