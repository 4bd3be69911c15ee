/* The files of user probes: each is a trace event as any other probe's. */
#include "kernel/uprobe/event.h"

#include "abi/errno.h"
#include "lib/ctl.h"

static LIST_HEAD(events);

static struct uprobe_event *of(const struct probe_event *e)
{
	return container_of(e, struct uprobe_event, event);
}

static void record(struct uprobe *u, struct pt_regs *regs)
{
	probe_event_record(&container_of(u, struct uprobe_event, probe)->event, regs, regs->ip, 0);
}

static void record_return(struct uprobe *u, struct pt_regs *regs, u64 ret_addr)
{
	struct uprobe_event *e = container_of(u, struct uprobe_event, probe);

	probe_event_record(&e->event, regs, e->spot.va, ret_addr);
}

static int probe(struct probe_event *e, const char **why)
{
	struct uprobe_event *u = of(e);
	int err;

	if (e->kind == 'r')
		u->probe.ret_handler = record_return;
	else
		u->probe.handler = record;
	err = uprobe_register(&u->probe, &u->spot);
	if (err)
		*why = "No memory for another probe";
	return err;
}

static void unprobe(struct probe_event *e) { uprobe_unregister(&of(e)->probe); }

static int arm(struct probe_event *e, bool on)
{
	if (on)
		return uprobe_arm(&of(e)->probe);
	uprobe_disarm(&of(e)->probe);
	return 0;
}

static const bool *armed(const struct probe_event *e) { return &of(e)->probe.armed; }

static u64 hits(const struct probe_event *e, u64 *missed)
{
	*missed = of(e)->probe.nmissed;
	return of(e)->probe.hits;
}

static const struct probe_family family = {
	.log = "trace_uprobe",
	.group = "uprobes",
	.events = &events,
	.size = sizeof(struct uprobe_event),
	.user = true,
	.parse = uprobe_event_parse,
	.show = uprobe_event_show,
	.probe = probe,
	.unprobe = unprobe,
	.arm = arm,
	.armed = armed,
	.hits = hits,
};

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	return probe_events_define(&family, text, len, append);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	probe_events_show(out, &family);
	return 0;
}
CTL_FILE(ctl_uprobe_events, .path = "uprobe_events", .show = show, .store = store);

static int profile_show(struct seq *out, const struct ctl_file *self)
{
	struct probe_event *e;

	list_for_each_entry(e, &events, link)
		seq_printf(out, "  /bin/%-20s %-44s %15lu\n", of(e)->program, e->name, of(e)->probe.hits);
	return 0;
}
CTL_FILE(ctl_uprobe_profile, .path = "uprobe_profile", .show = profile_show);
