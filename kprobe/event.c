/* Each probe event: its probe, and the trace event that it is. */
#include "kprobe/event.h"

#include "context/trap.h"
#include "kprobe/internal.h"
#include "trace/stack.h"

LIST_HEAD(probe_events);

struct probe_record {
	struct trace_entry common;
	u64 ip;
};

/* Trap context: a pre handler, so visible code; a probe in it is hit, and only its handlers are left out. */
static void record(struct kprobe *p, struct pt_regs *regs)
{
	struct probe_record r = { .ip = p->addr };

	/* A trace line tells about the probed context, not about the int3 that looks at it. */
	event_record(&container_of(p, struct probe_event, probe)->event, &r.common, sizeof(r.ip), regs->flags,
		     kprobe_context(regs));
}

static void trace_missed(u64 addr) { tracepoint(kprobe_missed, addr); }
void (*kprobe_missed_handler)(u64 addr) = trace_missed;

static void print(struct seq *out, const void *fields) { seq_printf(out, "(%pS)", *(void *const *)fields); }

static const struct event_field *describe(void)
{
	static const struct event_field fields[] = {
		{ "unsigned long", "__probe_ip", offsetof(struct probe_record, ip), sizeof(u64), false,
		  false },
		{},
	};

	return fields;
}

static int arm(struct event *e, bool on)
{
	struct kprobe *p = &container_of(e, struct probe_event, event)->probe;

	if (on)
		return kprobe_arm(p);
	kprobe_disarm(p);
	return 0;
}

int probe_event_prepare(struct probe_event *e)
{
	e->event = (struct event){
		.system = e->group,
		.name = e->name,
		.print_fmt = "\"(%lx)\", REC->__probe_ip",
		.fields = describe,
		.print = print,
		.arm = arm,
		.armed = &e->probe.armed, /* a bust disarms without asking */
	};
	return event_files_make(&e->files, &e->event);
}

void probe_event_add(struct probe_event *e)
{
	e->probe.pre = record;
	event_add(&e->event, &e->files);
	list_add_tail(&e->link, &probe_events);
}

void probe_event_remove(struct probe_event *e)
{
	kprobe_unregister(&e->probe);
	event_remove(&e->event, &e->files);
	list_del(&e->link);
}
