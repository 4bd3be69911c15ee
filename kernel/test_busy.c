/* Other CPUs that have something to do, and to record: threads that switch to each other. Exists only with "test" on the command line. */
#include "abi/errno.h"
#include "arch/x86/cpu/percpu.h"
#include "lib/ctl.h"
#include "sched/thread.h"

#define EACH 2	  /* a CPU, at least two of which want to run at any time */
#define LAST 1000 /* turns of each once it is to end: it has had some, however busy the host */

static struct thread *threads[NR_CPUS][EACH];
static bool ending;
static bool running;

static int switch_over(void *arg)
{
	unsigned left = LAST;

	while (left) {
		if (READ_ONCE(ending))
			left--;
		thread_yield();
	}
	return 0;
}

static void end_all(void)
{
	WRITE_ONCE(ending, true);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < EACH; i++) {
			if (threads[cpu][i])
				thread_join(threads[cpu][i]);
			threads[cpu][i] = NULL;
		}
	running = false;
}

/* This one is left to who asks. */
static int begin_all(void)
{
	u32 here = this_cpu(cpu_number);

	WRITE_ONCE(ending, false);
	running = true;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; cpu != here && cpus_up >> cpu & 1 && i < EACH; i++) {
			threads[cpu][i] =
				thread_create("busy", switch_over, NULL, PRIORITY_DEFAULT, 1u << cpu);
			if (!threads[cpu][i]) {
				end_all();
				return -ENOMEM;
			}
		}
	return 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", running);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	if (running)
		end_all();
	return v ? begin_all() : 0;
}
CTL_FILE(ctl_test_busy, .path = "test/busy", .show = show, .store = store, .test_only = true);
