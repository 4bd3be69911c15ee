/* latency-format: a head that says what was found, and lines with the time since the first and to the next. */
#include "arch/x86/cpu/smp.h"
#include "trace/event.h"
#include "trace/output.h"
#include "trace/ring_clock.h"

struct trace_latency trace_latency;

static void print_columns(struct seq *out)
{
	seq_puts(out, "#                    _------=> CPU#            \n"
		      "#                   / _-----=> irqs-off/BH-disabled\n"
		      "#                  | / _----=> need-resched    \n"
		      "#                  || / _---=> hardirq/softirq \n"
		      "#                  ||| / _--=> preempt-depth   \n"
		      "#                  |||| / _-=> migrate-disable \n"
		      "#                  ||||| /     delay           \n"
		      "#  cmd     pid     |||||| time  |   caller     \n"
		      "#     \\   /        ||||||  \\    |    /       \n");
}

/* Without an event there is no head, as on Linux. There are no users, and priorities are not Linux's. */
void trace_print_latency_header(struct seq *out, u64 entries, u64 written)
{
	const struct trace_latency *l = &trace_latency;
	char comm[16];

	if (!entries)
		return;
	seq_printf(out, "# %s latency trace v1.1.5 on nestling\n", current_tracer_name);
	seq_puts(out, "# --------------------------------------------------------------------\n");
	seq_printf(out, "# latency: %lu us, #%lu/%lu, CPU#%u | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:%u)\n",
		   l->ns / 1000, entries, written, l->cpu, nr_cpus_up());
	seq_printf(out,
		   "#    -----------------\n#    | task: %s-%d (uid:0 nice:0 policy:0 rt_prio:0)\n"
		   "#    -----------------\n",
		   comm_of(l->pid, comm), l->pid);
	if (l->started_at) {
		seq_puts(out, "#  => started at: ");
		trace_print_ip(out, l->started_at);
		seq_puts(out, "\n#  => ended at:   ");
		trace_print_ip(out, l->ended_at);
		seq_puts(out, "\n#\n");
	}
	seq_puts(out, "#\n");
	if (!output_options.verbose)
		print_columns(out);
}

/* How long it took: nothing up to 10 us. */
static char mark_of(u64 ns)
{
	static const struct {
		u64 us;
		char mark;
	} marks[] = { { 1000000, '$' }, { 100000, '@' }, { 10000, '*' },
		      { 1000, '#' },	{ 100, '!' },	 { 10, '+' } };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (ns > marks[i].us * 1000)
			return marks[i].mark;
	return ' ';
}

void trace_print_latency_context(struct seq *out, const struct ring_event *event, u64 since, u64 next,
				 u32 number)
{
	const struct trace_entry *e = event->entry;
	u64 us = (event->time - since) / 1000;
	char comm[16];

	comm_of(e->pid, comm);
	if (output_options.verbose) {
		seq_printf(out, "%16s %7d %3u %d %08x %08x ", comm, e->pid, event->cpu, e->flags,
			   e->preempt_count, number);
		seq_printf(out, "[%08lx] %lu.%03lums (+%lu.%03lums): ", event->time / 1000, us / 1000,
			   us % 1000, next / 1000000, next / 1000 % 1000);
		return;
	}
	seq_printf(out, "%8.8s-%-7d %3u", comm, e->pid, event->cpu);
	trace_print_flags(out, e);
	if (ring_clock_in_ns())
		seq_printf(out, " %4luus%c: ", us, mark_of(next));
	else
		seq_printf(out, " %4lu: ", event->time);
}
