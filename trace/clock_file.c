/* The file "trace_clock": which clock events are stamped with. */
#include "abi/errno.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/internal.h"
#include "trace/ring_clock.h"

static int show(struct seq *out, const struct ctl_file *self)
{
	for (size_t i = 0; i < ARRAY_SIZE(ring_clocks); i++) {
		bool used = &ring_clocks[i] == ring_clock_used;

		seq_printf(out, "%s%s%s%s", i ? " " : "", used ? "[" : "", ring_clocks[i].name,
			   used ? "]" : "");
	}
	seq_putc(out, '\n');
	return 0;
}

void (*ring_clock_changed)(void);

/* As on Linux the buffers are emptied: times of two clocks can't be told apart. */
static void use(const struct ring_clock *clock)
{
	ring_buffer_stop();
	ring_clock_use(clock);
	ring_buffer_reset_set(RINGS_LIVE, RING_ALL_CPUS);
	ring_buffer_reset_set(RINGS_SNAPSHOT, RING_ALL_CPUS);
	if (ring_clock_changed)
		ring_clock_changed();
	ring_buffer_start();
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	for (size_t i = 0; i < ARRAY_SIZE(ring_clocks); i++)
		if (strlen(ring_clocks[i].name) == len && memcmp(ring_clocks[i].name, text, len) == 0) {
			use(&ring_clocks[i]);
			return 0;
		}
	return -EINVAL;
}
CTL_FILE(ctl_trace_clock, .path = "trace_clock", .show = show, .store = store);
