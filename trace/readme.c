/* The file "README": what the other files are for, a line each. */
#include "lib/ctl.h"

static const char text[] =
	"tracing mini-HOWTO:\n\n"
	"# echo 0 > tracing_on : quick way to disable tracing\n"
	"# echo 1 > tracing_on : quick way to re-enable tracing\n\n"
	" Important files:\n"
	"  trace\t\t\t- The static contents of the buffer\n"
	"\t\t\t  To clear the buffer write into this file: echo > trace\n"
	"  trace_pipe\t\t- A consuming read to see the contents of the buffer; waits for more, ^C ends it\n"
	"  per_cpu/cpuN/\t\t- The same, and what was lost (stats), of one CPU\n"
	"  current_tracer\t- The tracer in use\n"
	"  available_tracers\t- What can be written to it; nop is none\n"
	"  error_log\t\t- Why writes were refused, with a caret under the place\n"
	"\t\t\t  To clear it: echo > error_log\n"
	"  buffer_size_kb\t- View and modify the size of each CPU's buffer\n"
	"  buffer_total_size_kb\t- View the total size of all CPUs' buffers\n"
	"  free_buffer\t\t- Written to, the buffers shrink to the least (options/disable_on_free)\n"
	"  snapshot\t\t- Like trace, but of the moment it was written to\n"
	"  trace_clock\t\t- View and change the clock of the events, which empties the buffers:\n"
	"       local:   Per CPU clock, in nanoseconds\n"
	"      global:   Synced across CPUs, slows tracing down\n"
	"     counter:   Not a clock, but a number for each event\n"
	"     x86-tsc:   Cycles of this CPU's time stamp counter\n"
	"  trace_marker\t\t- Writes into this file are recorded in the buffer\n"
	"  trace_options\t\t- View and change format or behaviour of tracing, also in options/\n"
	"\t\t\t  A 'no' in front disables an option\n"
	"  tracing_cpumask\t- Limit which CPUs are recorded, in hexadecimal\n"
	"  saved_cmdlines\t- The threads' names, by number\n\n"
	"  available_filter_functions - The functions that can be filtered on\n"
	"  set_ftrace_filter\t- Functions to be traced, names or globs; '!' removes, >> adds\n"
	"\t     <function>:<command>[:<count>]: traceoff, traceon, stacktrace\n"
	"  set_ftrace_notrace\t- Functions not to be traced\n"
	"  set_ftrace_pid\t- Threads whose functions are to be traced\n"
	"  enabled_functions\t- Functions that are traced, and by whom\n"
	"  function_profile_enabled, trace_stat/ - How often each function was entered\n\n"
	"  kprobe_events\t\t- Create, append, remove, show the kernel's dynamic events\n"
	"\t  p[:[<group>/]<event>] <place>, -:[<group>/]<event>\n"
	"\t    place: <symbol>[+<offset>]|<memaddr>\n"
	"  kprobe_profile\t- Their hits and misses\n"
	"  kprobes/\t\t- Probes, where there can be none, and kprobes/unsafe\n"
	"  events/\t\t- Each event's files: enable, filter, trigger, format, id, hist\n"
	"\t      filter: <field> <op> <value>, joined by && || ! ( )\n"
	"\t     trigger: traceon|traceoff|snapshot|stacktrace[:<count>] [if <filter>]\n"
	"\t\t      hist:keys=<field>[:sort=<field>[.descending]][:size=<entries>] [if <filter>]\n"
	"  available_events\t- The events\n"
	"  set_event\t\t- Events that are enabled, <system>:<event>; '!' disables, >> adds\n\n"
	" What Linux hasn't: blackbox and nest (traps inside each other), recursion/, rcu/, lockdep, chaos, wx, health\n";

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_puts(out, text);
	return 0;
}
CTL_FILE(ctl_readme, .path = "README", .show = show);
