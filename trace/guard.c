/* What the recursion guard dropped, where the user can see it. */
#include "trace/guard.h"

#include "lib/ctl.h"

DEFINE_PER_CPU(u64, guard_dropped[NR_GUARD_KINDS]);

static u64 total(enum guard_kind kind)
{
	u64 n = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu)
			n += (*per_cpu_ptr(guard_dropped, cpu))[kind];
	return n;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	static const char *const names[NR_GUARD_KINDS] = { "function", "tracepoint", "kprobe", "missed" };

	for (int k = 0; k < NR_GUARD_KINDS; k++)
		seq_printf(out, "%s %lu\n", names[k], total((enum guard_kind)k));
	return 0;
}
CTL_FILE(ctl_recursion_dropped, .path = "recursion/dropped", .show = show);
