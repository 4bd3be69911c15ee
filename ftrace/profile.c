/* The function profiler: how often each function was entered, by CPU: function_profile_enabled and trace_stat/. */
#include "abi/errno.h"
#include "context/context.h"
#include "ftrace/internal.h"
#include "lib/bug.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"

static u64 *hits[NR_CPUS]; /* one for each site; made when first enabled */

/* notrace: called by traced functions. Preemption off: the counter is this CPU's, and an addition is one instruction. */
static notrace void count(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	size_t i = ftrace_index_of(ip);

	preempt_disable();
	__asm__ volatile("incq %0" : "+m"(hits[this_cpu(cpu_number)][i]) : : "cc");
	preempt_enable();
}

static struct ftrace_ops profile_ops = { .func = count };

static size_t table_pages(void) { return ALIGN_UP(ftrace_nr_sites() * sizeof(u64), PAGE_SIZE) / PAGE_SIZE; }

static int make_tables(void)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		u64 pa;

		if (hits[cpu] || !(cpus_up & 1u << cpu))
			continue;
		pa = frames_alloc(table_pages());
		if (!pa)
			return -ENOMEM;
		hits[cpu] = phys_to_virt(pa);
	}
	return 0;
}

/* As on Linux, enabling begins at zero, and what was counted can be read after disabling. */
static int start(void)
{
	int err = make_tables();

	if (err)
		return err;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (hits[cpu])
			memset(hits[cpu], 0, ftrace_nr_sites() * sizeof(u64));
	return register_ftrace_function(&profile_ops);
}

static int enabled_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", profile_ops.trampoline != 0);
	return 0;
}

static int enabled_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	if ((v != 0) == (profile_ops.trampoline != 0))
		return 0;
	return v ? start() : unregister_ftrace_function(&profile_ops);
}
CTL_FILE(ctl_function_profile_enabled, .path = "function_profile_enabled", .show = enabled_show,
	 .store = enabled_store);

/* The one hit most; false when none is. Those that have been shown are set to zero. */
static bool find_best(u64 *table, size_t *best)
{
	*best = 0;
	for (size_t i = 1; i < ftrace_nr_sites(); i++)
		if (table[i] > table[*best])
			*best = i;
	return table[*best];
}

/* Of a copy: those that count go on. Without a graph tracer nobody knows a function's time; Linux's columns then, too. */
static int stat_show(struct seq *out, const struct ctl_file *self)
{
	const u64 *table = hits[(u64)self->arg];
	u64 pa = frames_alloc(table_pages()), *copy = phys_to_virt(pa);

	if (!pa)
		return -ENOMEM;
	seq_puts(out, "  Function                               Hit\n"
		      "  --------                               ---\n");
	if (table)
		memcpy(copy, table, ftrace_nr_sites() * sizeof(u64));
	for (size_t i; find_best(copy, &i); copy[i] = 0)
		seq_printf(out, "  %-30.30s  %10lu\n", ftrace_sites[i].name, copy[i]);
	frames_free(pa, table_pages());
	return 0;
}

void ftrace_profile_init(void)
{
	static struct ctl_file files[NR_CPUS];
	static char paths[NR_CPUS][sizeof("trace_stat/functionN")];

	for (u64 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		snprintf(paths[cpu], sizeof(paths[cpu]), "trace_stat/function%lu", cpu);
		files[cpu] = (struct ctl_file){ .path = paths[cpu], .show = stat_show, .arg = (void *)cpu };
		BUG_ON(ctl_add(&files[cpu]) != 0);
	}
}
