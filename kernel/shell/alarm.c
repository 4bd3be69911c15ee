/* A command whose output ends after a while: by a timer, which may ring in the middle of it. */
#include "kernel/shell/internal.h"
#include "sched/timer.h"
#include "trace/clock.h"
#include "tracefs/tracefs.h"

struct alarm {
	struct timer timer;
	struct seq *out;
};

static void ring(struct timer *t) { tracefs_interrupt(container_of(t, struct alarm, timer)->out); }

int shell_run_for(u64 ns, const struct command *c, int argc, char **argv, struct seq *out)
{
	struct alarm alarm = { .out = out };
	int err;

	timer_init(&alarm.timer, ring);
	timer_set(&alarm.timer, trace_clock() + ns);
	err = c->run(argc, argv, out);
	timer_cancel(&alarm.timer);
	return err;
}
