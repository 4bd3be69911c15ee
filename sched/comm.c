/* Names of threads that have ended, for those who read a trace later: the last SAVED of them. */
#include "abi/errno.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/internal.h"
#include "trace/options.h"

#define SAVED  128 /* as on Linux */
#define LISTED 100 /* what one allocation can hold */

struct comm {
	s32 tid;
	char comm[16];
};

static struct comm saved[SAVED];
static u32 nr_saved; /* ever */

static bool record_cmd = true;
TRACE_OPTION(record_cmd, "record-cmd", &record_cmd);

void comm_save(const struct thread *t)
{
	struct comm *c = &saved[nr_saved % SAVED];

	if (!record_cmd)
		return;
	c->tid = t->tid;
	strscpy(c->comm, t->comm, sizeof(c->comm));
	nr_saved++;
}

void comm_find_saved(s32 tid, char buf[16])
{
	strscpy(buf, "<...>", 16);
	for (u32 i = 0; i < min(nr_saved, (u32)SAVED); i++)
		if (saved[i].tid == tid)
			strscpy(buf, saved[i].comm, 16);
}

struct listing {
	u32 n;
	struct comm all[LISTED];
};

static void list_one(struct thread *t, void *arg)
{
	struct listing *l = arg;

	if (l->n == LISTED)
		return;
	l->all[l->n].tid = t->tid;
	strscpy(l->all[l->n++].comm, t->comm, sizeof(t->comm));
}

/* Collected first: nothing is printed under the list's lock. */
static int show(struct seq *out, const struct ctl_file *self)
{
	struct listing *l = kzalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	thread_for_each(list_one, l);
	for (u32 i = 0; i < l->n; i++)
		seq_printf(out, "%d %s\n", l->all[i].tid, l->all[i].comm);
	for (u32 i = 0; i < min(READ_ONCE(nr_saved), (u32)SAVED); i++)
		seq_printf(out, "%d %s\n", saved[i].tid, saved[i].comm);
	kfree(l);
	return 0;
}
CTL_FILE(ctl_saved_cmdlines, .path = "saved_cmdlines", .show = show);
