/* The folder rcu/: what RCU waits for this moment, what it has done, and having it do it. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "context/watch.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "rcu/internal.h"
#include "trace/clock.h"

static void show_wait(struct seq *out)
{
	const struct rcu_wait *w = &rcu_gp_wait;
	u64 seq = READ_ONCE(rcu_gp_seq);

	seq_printf(out, "gp_seq %lu, %s", seq, seq & 1 ? "in progress" : "idle");
	if (READ_ONCE(w->cpus)) {
		seq_printf(out, ", waits for");
		for (u32 cpus = READ_ONCE(w->cpus); cpus; cpus &= cpus - 1)
			seq_printf(out, " CPU %u", (u32)__builtin_ctz(cpus));
		seq_printf(out, " since %lu us", (trace_clock() - w->begun) / 1000);
	}
	seq_puts(out, "\n");
}

static int state_show(struct seq *out, const struct ctl_file *self)
{
	show_wait(out);
	seq_puts(out, "CPU watching      counter nesting nmi_nesting     switches callbacks\n");
	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1) {
		u32 cpu = (u32)__builtin_ctz(up);
		const struct watch *w = per_cpu_ptr(watch, cpu);
		u64 counter = READ_ONCE(w->counter);

		seq_printf(out, "%3u %-8s %12lu %7u %11u %12lu %9d\n", cpu, counter & 1 ? "yes" : "no",
			   counter, READ_ONCE(w->nesting), READ_ONCE(w->nmi_nesting),
			   READ_ONCE(per_cpu_ptr(quiescent, cpu)->switches), rcu_callbacks_pending(cpu));
	}
	return 0;
}
CTL_FILE(ctl_rcu_state, .path = "rcu/state", .show = state_show);

static const struct {
	const char *name;
	void (*wait)(void);
} ways[] = {
	{ "normal", synchronize_rcu },	    { "expedited", synchronize_rcu_expedited },
	{ "tasks", synchronize_rcu_tasks }, { "tasks_trace", synchronize_rcu_tasks_trace },
	{ "barrier", rcu_barrier },
};

static int gp_show(struct seq *out, const struct ctl_file *self)
{
	struct rcu_stats s;

	rcu_get_stats(&s);
	seq_printf(out,
		   "grace periods: %lu normal, %lu expedited, %lu tasks, %lu tasks_trace\n"
		   "callbacks: %lu queued, %lu called\n"
		   "CPUs interrupted: %lu\nstalls reported: %lu\n",
		   s.grace_periods, s.expedited, s.tasks, s.tasks_trace, s.queued, s.invoked, s.forced,
		   s.stalls);
	return 0;
}

/* Written, it has one grace period of the flavour named, and comes back after it. */
static int gp_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	size_t n = len && text[len - 1] == '\n' ? len - 1 : len;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strlen(ways[i].name) == n && memcmp(ways[i].name, text, n) == 0) {
			ways[i].wait();
			return 0;
		}
	return -EINVAL;
}
CTL_FILE(ctl_rcu_gp, .path = "rcu/gp", .show = gp_show, .store = gp_store);

#define TIMEOUT_MAX_MS (1000 * 1000ul)

static int timeout_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%lu\n", rcu_stall_timeout / 1000000);
	return 0;
}

/* From the next wait on. */
static int timeout_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 ms;

	if (!ctl_parse_u64(text, len, &ms) || !ms || ms > TIMEOUT_MAX_MS)
		return -EINVAL;
	rcu_stall_timeout = ms * 1000000;
	return 0;
}
CTL_FILE(ctl_rcu_stall_timeout, .path = "rcu/stall_timeout", .show = timeout_show, .store = timeout_store);
