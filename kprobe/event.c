/* Each probe event: its probe, its trace records and its "enable" file. */
#include "kprobe/event.h"

#include "abi/errno.h"
#include "context/trap.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "trace/event.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"

LIST_HEAD(probe_events);

static u32 last_id;

struct probe_record {
	u64 ip;
	u32 id;
};

/* Trap context: a pre handler, so visible code; a probe in it is hit, and only its handlers are left out. */
static void record(struct kprobe *p, struct pt_regs *regs)
{
	struct probe_event *e = container_of(p, struct probe_event, probe);
	/* A trace line tells about the probed context, not about the int3 that looks at it. */
	struct probe_record *r =
		ring_buffer_reserve_for(TRACE_KPROBE, sizeof(*r), regs->flags & X86_EFLAGS_IF,
					this_cpu(trap_top)->before.context_word);

	if (!r)
		return;
	r->ip = p->addr;
	r->id = e->id;
	ring_buffer_commit(r);
	trace_stack_if_wanted();
}

static void print(struct seq *out, const void *payload)
{
	const struct probe_record *r = payload;
	const char *name = "[unknown]"; /* the event was removed, its records were not */
	struct probe_event *e;

	list_for_each_entry(e, &probe_events, link)
		if (e->id == r->id)
			name = e->name;
	seq_printf(out, "%s: (%pS)", name, (void *)r->ip);
}
EVENT_TYPE(probe_event_type, .type = TRACE_KPROBE, .print = print);

static int enable_show(struct seq *out, const struct ctl_file *self)
{
	const struct probe_event *e = self->arg;

	seq_printf(out, "%d\n", e->probe.armed);
	return 0;
}

static int enable_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct probe_event *e = self->arg;
	u64 on;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	if (on)
		return kprobe_arm(&e->probe);
	kprobe_disarm(&e->probe);
	return 0;
}

int probe_event_add(struct probe_event *e, const char **why)
{
	int err;

	e->probe.pre = record;
	err = kprobe_register(&e->probe, why);
	if (err)
		return err;
	snprintf(e->enable_path, sizeof(e->enable_path), "events/%s/%s/enable", e->group, e->name);
	e->enable = (struct ctl_file){
		.path = e->enable_path,
		.show = enable_show,
		.store = enable_store,
		.arg = e,
	};
	err = ctl_add(&e->enable);
	if (err) {
		*why = "Event already exists";
		kprobe_unregister(&e->probe);
		return err;
	}
	e->id = ++last_id;
	list_add_tail(&e->link, &probe_events);
	return 0;
}

void probe_event_remove(struct probe_event *e)
{
	ctl_remove(&e->enable);
	kprobe_unregister(&e->probe);
	list_del(&e->link);
}
