/* nest_pipe: the picture of the nesting as it grows. Stubs write the black box and wake nobody, so its reader looks from time to time. */
#include "context/context.h"
#include "lib/ctl.h"
#include "sched/timer.h"
#include "trace/black_box.h"
#include "tracefs/tracefs.h"

#define LOOK_NS (50 * 1000 * 1000ul)

/* On the CPU where it is read, as nest. */
static int show(struct seq *out, const struct ctl_file *self)
{
	u32 from = black_box_mark();

	while (!seq_is_closed(out)) {
		preempt_disable();
		black_box_follow(out, &from);
		preempt_enable();
		seq_wait(out);
		sleep_ns(LOOK_NS);
	}
	return 0;
}
CTL_FILE(ctl_nest_pipe, .path = "nest_pipe", .show = show, .unlocked = true);
