/* The file "threads": who there is, and, while somebody wants to know, how long each has run. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "lib/ctl.h"
#include "lib/static_key.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/internal.h"
#include "trace/clock.h"

#define LISTED 84 /* what one frame can hold */

struct static_key thread_times_key;

/* When what each CPU runs was switched to, or when counting began: it has run since, which isn't in its time yet. */
static DEFINE_PER_CPU(u64, running_since);

void thread_times_switch(struct thread *prev)
{
	u64 now = trace_clock();

	prev->ran += now - this_cpu(running_since);
	this_cpu(running_since) = now;
}

struct line {
	struct thread *thread; /* only to be compared */
	u64 ran;
	s32 tid;
	u32 cpu;
	u8 priority;
	char state, comm[16];
};

struct listing {
	u32 n, left_out;
	struct line all[LISTED];
};
static_assert(sizeof(struct listing) <= PAGE_SIZE, "it is a frame");

static char state_of(const struct thread *t)
{
	return READ_ONCE(t->running) ? 'R' : READ_ONCE(t->state) == THREAD_BLOCKED ? 'S' : 'r';
}

static void list_one(struct thread *t, void *arg)
{
	struct listing *l = arg;
	struct line *one = &l->all[l->n];

	if (l->n == LISTED) {
		l->left_out++;
		return;
	}
	l->n++;
	*one = (struct line){ t, READ_ONCE(t->ran), t->tid, READ_ONCE(t->cpu), t->priority, state_of(t), "" };
	strscpy(one->comm, t->comm, sizeof(one->comm));
}

/* What runs this moment has run since it was switched to, too. A CPU that switches meanwhile counts it in time for the next look. */
static u64 not_counted(const struct line *one)
{
	u64 since = READ_ONCE(*per_cpu_ptr(running_since, one->cpu)), now = trace_clock();

	return one->state == 'R' && static_key_enabled(&thread_times_key) && now > since ? now - since : 0;
}

/* Collected first: nothing is printed under the list's lock. */
static int show(struct seq *out, const struct ctl_file *self)
{
	u64 pa = frame_alloc();
	struct listing *l = phys_to_virt(pa);

	if (!pa)
		return -ENOMEM;
	memset(l, 0, sizeof(*l));
	thread_for_each_one(list_one, l);
	seq_puts(out, "  TID PRI S CPU      TIME-US NAME\n");
	for (u32 i = 0; i < l->n; i++) {
		const struct line *one = &l->all[i];

		seq_printf(out, "%5d %3u %c %3u %12lu %s\n", one->tid, one->priority, one->state, one->cpu,
			   (one->ran + not_counted(one)) / 1000, one->comm);
	}
	if (l->left_out)
		seq_printf(out, "# and %u more\n", l->left_out);
	frame_free(pa);
	return 0;
}

static void forget(struct thread *t, void *arg) { WRITE_ONCE(t->ran, 0); }

/* Behind the switch of the key, which takes a while. */
static void start(void)
{
	u64 now = trace_clock();

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		WRITE_ONCE(*per_cpu_ptr(running_since, cpu), now);
	thread_for_each_one(forget, NULL);
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 n;

	if (!ctl_parse_u64(text, len, &n) || n > 1)
		return -EINVAL;
	static_key_set(&thread_times_key, n);
	if (n)
		start();
	return 0;
}
CTL_FILE(ctl_threads, .path = "threads", .show = show, .store = store);
