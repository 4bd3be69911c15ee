/* What the recursion guard dropped, where the user can see it. */
#include "trace/guard.h"

#include "lib/ctl.h"

DEFINE_PER_CPU(u64, guard_dropped[NR_GUARD_KINDS]);

static int show(struct seq *out, const struct ctl_file *self)
{
	static const char *const names[NR_GUARD_KINDS] = { "function", "tracepoint", "kprobe" };

	for (int k = 0; k < NR_GUARD_KINDS; k++)
		seq_printf(out, "%s %lu\n", names[k], this_cpu(guard_dropped)[k]);
	return 0;
}
CTL_FILE(ctl_recursion_dropped, .path = "recursion/dropped", .show = show);
