/* The function profiler: how often each function was entered and how long it took, by CPU: function_profile_enabled, trace_stat/. */
#include "abi/errno.h"
#include "context/context.h"
#include "ftrace/graph.h"
#include "ftrace/internal.h"
#include "lib/bug.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/thread.h"

struct profile {
	u64 hits, time, time_squared; /* ns, ns^2 */
};
static struct profile *profiles[NR_CPUS]; /* one for each site; made when first enabled */

/* Interrupts add to the same ones: an addition is one instruction. */
static __always_inline void add(u64 *to, u64 n)
{
	__asm__ volatile("addq %1, %0" : "+m"(*to) : "r"(n) : "cc");
}

static void profile_graph_entry(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame);
static struct ftrace_ops profile_ops = { .func = profile_graph_entry };

/* notrace, both: called by traced functions. Preemption off: what is added to is this CPU's. */
static notrace void profile_graph_return(struct graph_entry *e)
{
	u64 time = trace_clock_read() - e->calltime, own = time;
	struct graph_entry *outer = e - 1;
	struct profile *p;

	if (!READ_ONCE(profile_ops.trampoline)) /* disabled meanwhile */
		return;
	while (outer->slot && outer->exit != profile_graph_return)
		outer--;
	outer->subtime += time; /* of nobody, when it has no slot */
	if (!READ_ONCE(graph_options.graph_time))
		own = time > e->subtime ? time - e->subtime : 0;
	preempt_disable();
	p = &profiles[this_cpu(cpu_number)][ftrace_index_of(e->func)];
	add(&p->time, own);
	add(&p->time_squared, own * own);
	preempt_enable();
}

static notrace void profile_graph_entry(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
					struct ftrace_frame *frame)
{
	size_t i = ftrace_index_of(ip);
	struct graph_stack *g;
	struct graph_entry *top;

	preempt_disable();
	add(&profiles[this_cpu(cpu_number)][i].hits, 1);
	g = this_cpu(graph_here);
	top = g->top;
	if (likely(top < g->last))
		graph_hook(g, top, ip, frame, top->state, profile_graph_return, trace_clock_read())->subtime =
			0;
	preempt_enable();
}

static size_t table_pages(void)
{
	return ALIGN_UP(ftrace_nr_sites() * sizeof(struct profile), PAGE_SIZE) / PAGE_SIZE;
}

static int make_tables(void)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		u64 pa;

		if (profiles[cpu] || !(cpus_up & 1u << cpu))
			continue;
		pa = frames_alloc(table_pages());
		if (!pa)
			return -ENOMEM;
		profiles[cpu] = phys_to_virt(pa);
	}
	return 0;
}

/* As on Linux, enabling begins at zero, and what was counted can be read after disabling. */
static int start(void)
{
	int err = make_tables();

	if (!err)
		err = graph_threads_want();
	if (err)
		return err;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (profiles[cpu])
			memset(profiles[cpu], 0, ftrace_nr_sites() * sizeof(struct profile));
	err = register_ftrace_function(&profile_ops);
	if (err)
		graph_threads_done();
	return err;
}

static int stop(void)
{
	graph_threads_done();
	return unregister_ftrace_function(&profile_ops);
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
	return v ? start() : stop();
}
CTL_FILE(ctl_function_profile_enabled, .path = "function_profile_enabled", .show = enabled_show,
	 .store = enabled_store);

/* The one that took longest; false when none was entered. Those that have been shown are set to zero. */
static bool find_best(const struct profile *table, size_t *best)
{
	bool found = false;

	for (size_t i = 0; i < ftrace_nr_sites(); i++)
		if (table[i].hits && (!found || table[i].time > table[*best].time)) {
			*best = i;
			found = true;
		}
	return found;
}

/* The variance of the times, of which it knows only sums, in 1000 ns^2. */
static u64 variance(const struct profile *p)
{
	u64 n = p->hits;

	return n > 1 ? (n * p->time_squared - p->time * p->time) / (n * (n - 1) * 1000) : 0;
}

static void show_one(struct seq *out, const char *name, const struct profile *p)
{
	seq_printf(out, "  %-30.30s  %10lu    ", name, p->hits);
	graph_print_time(out, p->time);
	seq_puts(out, "    ");
	graph_print_time(out, p->time / p->hits);
	seq_puts(out, "    ");
	graph_print_time(out, variance(p));
	seq_putc(out, '\n');
}

/* Of a copy: those that count go on. */
static int stat_show(struct seq *out, const struct ctl_file *self)
{
	const struct profile *table = profiles[(u64)self->arg];
	u64 pa = frames_alloc(table_pages());
	struct profile *copy = phys_to_virt(pa);

	if (!pa)
		return -ENOMEM;
	seq_puts(out,
		 "  Function                               Hit    Time            Avg             s^2\n"
		 "  --------                               ---    ----            ---             ---\n");
	if (table)
		memcpy(copy, table, ftrace_nr_sites() * sizeof(struct profile));
	for (size_t i; find_best(copy, &i); copy[i].hits = 0)
		show_one(out, ftrace_sites[i].name, &copy[i]);
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
