/* The control files of the trace buffer: what is in it, how big it is, and what it does when it is full. */
#include "abi/errno.h"
#include "arch/x86/cpu/smp.h"
#include "lib/bug.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "trace/internal.h"
#include "trace/event.h"
#include "trace/options.h"
#include "trace/output.h"

#define KB_PER_PAGE (RING_PAGE_SIZE / 1024)

/* A CPU's number and 1. */
u32 trace_file_cpu(const struct ctl_file *self)
{
	return self->arg ? (u32)(u64)self->arg - 1 : RING_ALL_CPUS;
}

static int trace_show(struct seq *out, const struct ctl_file *self)
{
	return trace_print(out, RINGS_LIVE, trace_file_cpu(self));
}

/* As on Linux, opening for writing with truncation empties the buffer, whatever is written. */
static int trace_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (!append)
		ring_buffer_reset_set(RINGS_LIVE, trace_file_cpu(self));
	return 0;
}
CTL_FILE(ctl_trace, .path = "trace", .show = trace_show, .store = trace_store);

static int tracing_on_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", tracing_is_on());
	return 0;
}

static int tracing_on_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	if (v)
		tracing_on();
	else
		tracing_off();
	return 0;
}
CTL_FILE(ctl_tracing_on, .path = "tracing_on", .show = tracing_on_show, .store = tracing_on_store);

/* "X" when the CPUs' sizes differ. */
static int size_show(struct seq *out, const struct ctl_file *self)
{
	u32 pages = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		const struct ring_cpu *r = ring_buffer_of(RINGS_LIVE, cpu);

		if (!r || !ring_cpu_chosen(cpu, trace_file_cpu(self)))
			continue;
		if (pages && r->nr_slots != pages) {
			seq_puts(out, "X\n");
			return 0;
		}
		pages = r->nr_slots;
	}
	seq_printf(out, "%u\n", pages * KB_PER_PAGE);
	return 0;
}

static int size_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 kb;

	if (!ctl_parse_u64(text, len, &kb) || !kb)
		return -EINVAL;
	return ring_buffer_resize(trace_file_cpu(self), kb / KB_PER_PAGE + (kb % KB_PER_PAGE != 0));
}
CTL_FILE(ctl_buffer_size_kb, .path = "buffer_size_kb", .show = size_show, .store = size_store);

static int total_size_show(struct seq *out, const struct ctl_file *self)
{
	u64 pages = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (ring_buffer_of(RINGS_LIVE, cpu))
			pages += ring_buffer_of(RINGS_LIVE, cpu)->nr_slots;
	seq_printf(out, "%lu\n", pages * KB_PER_PAGE);
	return 0;
}
CTL_FILE(ctl_buffer_total_size_kb, .path = "buffer_total_size_kb", .show = total_size_show);

/* As many digits as there are CPUs for. */
static int cpumask_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%0*x\n", (int)(nr_cpus_up() + 3) / 4, ring_buffer_cpus());
	return 0;
}

static int cpumask_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 mask;

	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	if (!parse_u64(text, len, 16, &mask))
		return -EINVAL;
	if (mask & ~(u64)cpus_up)
		return -EOVERFLOW;
	ring_buffer_set_cpus((u32)mask);
	return 0;
}
CTL_FILE(ctl_tracing_cpumask, .path = "tracing_cpumask", .show = cpumask_show, .store = cpumask_store);

static bool disable_on_free;
TRACE_OPTION(disable_on_free, "disable_on_free", &disable_on_free);

/* Linux does it when the file is closed, whatever was written. */
static int free_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (disable_on_free)
		tracing_off();
	return ring_buffer_resize(RING_ALL_CPUS, RING_MIN_PAGES);
}
CTL_FILE(ctl_free_buffer, .path = "free_buffer", .store = free_store);

static void print_time(struct seq *out, const char *name, u64 ns)
{
	if (ring_clock_in_ns())
		seq_printf(out, "%s: %5lu.%06lu\n", name, ns / 1000000000, ns / 1000 % 1000000);
	else
		seq_printf(out, "%s: %lu\n", name, ns);
}

static int stats_show(struct seq *out, const struct ctl_file *self)
{
	struct ring_stats s;

	ring_stats(ring_buffer_of(RINGS_LIVE, trace_file_cpu(self)), &s);
	seq_printf(out, "entries: %lu\noverrun: %lu\ncommit overrun: %lu\nbytes: %lu\n", s.entries, s.overrun,
		   s.commit_overrun, s.bytes);
	print_time(out, "oldest event ts", s.oldest_time);
	print_time(out, "now ts", ring_clock());
	seq_printf(out, "dropped events: %lu\nread events: %lu\n", s.dropped, s.read);
	return 0;
}

static int snapshot_show(struct seq *out, const struct ctl_file *self)
{
	u64 entries;

	if (ring_buffer_has_snapshot()) {
		ring_buffer_count(RINGS_SNAPSHOT, RING_ALL_CPUS, &entries);
		if (entries)
			return trace_print(out, RINGS_SNAPSHOT, RING_ALL_CPUS);
	}
	seq_printf(out, "# tracer: %s\n#\n#\n# * Snapshot is %s *\n#\n", current_tracer_name,
		   ring_buffer_has_snapshot() ? "allocated" : "freed");
	seq_puts(out,
		 "# Snapshot commands:\n"
		 "# echo 0 > snapshot : frees the snapshot buffer\n"
		 "# echo 1 > snapshot : allocates it if need be, and takes a snapshot of the main buffer\n"
		 "# echo 2 > snapshot : empties it (as any other number does)\n");
	return 0;
}

static int snapshot_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	if (v == 1)
		return ring_buffer_snapshot();
	if (v == 0)
		ring_buffer_snapshot_free();
	else
		ring_buffer_reset_set(RINGS_SNAPSHOT, RING_ALL_CPUS);
	return 0;
}
CTL_FILE(ctl_snapshot, .path = "snapshot", .show = snapshot_show, .store = snapshot_store);

/* What a program that reads raw pages must know; the words are Linux's. */
static int header_page_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out,
		   "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		   "\tfield: local_t commit;\toffset:%lu;\tsize:8;\tsigned:1;\n"
		   "\tfield: int overwrite;\toffset:%lu;\tsize:1;\tsigned:1;\n"
		   "\tfield: char data;\toffset:%lu;\tsize:%d;\tsigned:1;\n",
		   offsetof(struct ring_page, commit), offsetof(struct ring_page, commit),
		   offsetof(struct ring_page, data), RING_DATA);
	return 0;
}
CTL_FILE(ctl_header_page, .path = "events/header_page", .show = header_page_show);

static int header_event_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out,
		   "# compressed entry header\n\ttype_len    :    %d bits\n\ttime_delta  :   %d bits\n"
		   "\tarray       :   32 bits\n\n\tpadding     : type == %d\n\ttime_extend : type == %d\n"
		   "\ttime_stamp : type == %d\n\tdata max type_len  == %d\n",
		   RING_TYPE_BITS, RING_DELTA_BITS, RING_PADDING, RING_TIME_EXTEND, RING_TIME_STAMP,
		   RING_SMALL_MAX / 4);
	return 0;
}
CTL_FILE(ctl_header_event, .path = "events/header_event", .show = header_event_show);

static const struct ctl_file per_cpu_files[] = {
	{ .path = "trace", .show = trace_show, .store = trace_store },
	{ .path = "stats", .show = stats_show },
	{ .path = "buffer_size_kb", .show = size_show, .store = size_store },
};

void trace_add_per_cpu(const struct ctl_file *file)
{
	struct per_cpu_file {
		struct ctl_file file;
		char path[40];
	};

	for (u64 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct per_cpu_file *f;

		if (!ring_buffer_of(RINGS_LIVE, (u32)cpu))
			continue;
		f = kzalloc(sizeof(*f));
		BUG_ON(!f);
		f->file = *file;
		snprintf(f->path, sizeof(f->path), "per_cpu/cpu%lu/%s", cpu, file->path);
		f->file.path = f->path;
		f->file.arg = (void *)(cpu + 1);
		BUG_ON(ctl_add(&f->file) != 0);
	}
}

void ring_buffer_files_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(per_cpu_files); i++)
		trace_add_per_cpu(&per_cpu_files[i]);
}
