/*
 * trace_pipe: the events, each once, and who finds none waits.
 *
 * A reader says in one word that he waits. Whoever records sees that after he has published, and has an irq_work wake
 * the readers, for an NMI may not. So that nobody records unseen in between, the reader lets all pass who may not have
 * seen the word, and looks once more.
 */
#include "arch/x86/cpu/percpu.h"
#include "lib/chaos.h"
#include "sched/wait.h"
#include "trace/internal.h"
#include "trace/output.h"
#include "tracefs/tracefs.h"

static struct wait_queue pipe_wait = { .lock = SPINLOCK_INIT(trace_pipe),
				       .waiters = { &pipe_wait.waiters, &pipe_wait.waiters } };
static u64 wakes;

void trace_wake_readers(void)
{
	__atomic_fetch_add(&wakes, 1, __ATOMIC_SEQ_CST);
	wake_all(&pipe_wait);
}

void tracefs_interrupt(struct seq *out)
{
	WRITE_ONCE(out->closed, true);
	trace_wake_readers();
}

/* What is there. Its memory is given back before one waits; then others may change the rings. */
static int print_some(struct seq *out, u32 cpu, bool *any)
{
	struct ring_merge merge;
	int err;

	tracefs_lock(); /* or rings, and what events print, would change */
	err = ring_merge_begin(&merge, RINGS_LIVE, cpu, RING_CONSUME);
	while (!err && !seq_is_closed(out) && !out->full && trace_print_next(out, &merge))
		*any = true;
	if (!err)
		ring_merge_end(&merge);
	tracefs_unlock();
	return err;
}

static bool is_empty(u32 cpu)
{
	u64 entries;

	ring_buffer_count(RINGS_LIVE, cpu, &entries);
	return !entries;
}

/* As on Linux: the file ends where recording is off and something has been read. */
static bool is_at_end(bool any) { return any && !tracing_is_on(); }

static void wait_for_events(const struct seq *out, u32 cpu, bool any)
{
	u64 seen = READ_ONCE(wakes);

	chaos_point(); /* an event that nobody is told of */
	WRITE_ONCE(ring_waiting, true);
	trace_synchronize();
	if (is_empty(cpu) && !is_at_end(any))
		wait_event(&pipe_wait, READ_ONCE(wakes) != seen || seq_is_closed(out));
}

static int show(struct seq *out, const struct ctl_file *self)
{
	u32 cpu = trace_file_cpu(self);
	bool any = false;
	int err = 0;

	while (!err && !seq_is_closed(out)) {
		err = print_some(out, cpu, &any);
		seq_wait(out);
		if (err || !is_empty(cpu))
			continue;
		if (is_at_end(any))
			break;
		wait_for_events(out, cpu, any);
	}
	return err;
}
CTL_FILE(ctl_trace_pipe, .path = "trace_pipe", .show = show, .unlocked = true);

void tracefs_init(void)
{
	static const struct ctl_file pipe = { .path = "trace_pipe", .show = show, .unlocked = true };

	trace_add_per_cpu(&pipe);
}
