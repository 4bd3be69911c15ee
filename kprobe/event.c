/* Each probe event: its probe, and the trace event that it is. */
#include "kprobe/event.h"

#include "abi/errno.h"
#include "kprobe/internal.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "trace/error_log.h"

LIST_HEAD(probe_events);

/* How all records begin, behind the common fields. */
struct probe_head {
	u64 ip; /* __probe_ip, or __probe_func and then */
	u64 ret_ip;
};

#define COMMON sizeof(struct trace_entry)

/* Trap context. The fields into @record, which begins with the common ones; their size. */
static __always_inline u32 fill(const struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip,
				u8 *record)
{
	struct probe_head *head = (struct probe_head *)(record + COMMON);
	u32 end = e->size;

	head->ip = ip;
	if (e->kind == 'r')
		head->ret_ip = ret_ip;
	for (unsigned i = 0; i < e->nr_args; i++)
		end = fetch_store(e->args[i], regs, record, end);
	return end - COMMON;
}

/* All but the most common case. On the stack first: who filters or triggers wants to see it, and a string's length isn't known. */
static noinline void record_other(struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip)
{
	u8 record[PROBE_RECORD_MAX] __aligned(8);
	u32 size = fill(e, regs, ip, ret_ip, record);

	(guard_by_other_policy() && !e->family->user ? event_record_within : event_record)(
		&e->event, (struct trace_entry *)record, size, regs->flags, kprobe_context(regs));
}

/* The ring's next page has to be looked for, or it is full. */
static noinline void record_after_give_up(struct probe_event *e, const struct pt_regs *regs, u64 ip,
					  u64 ret_ip, struct ring_cpu *r)
{
	ring_give_up(r);
	record_other(e, regs, ip, ret_ip);
}

/*
 * Trap context: a handler, so visible code; a probe in it is hit, and only its handlers are left out. So there can be no
 * recursion, and the most common case asks no guard, nor calls anything. A trace line tells about the probed context, not about the trap
 * that looks at it.
 */
static __always_inline void *begin(struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip,
				   u32 size, struct ring_cpu **ring)
{
	struct ring_cpu *r = this_cpu(live_ring);
	struct trace_entry *entry;

	if (unlikely(!READ_ONCE(e->event.fast) || size > RING_SMALL_MAX)) {
		record_other(e, regs, ip, ret_ip);
		return NULL;
	}
	if (unlikely(!r))
		return NULL;
	entry = ring_reserve_fast(r, size);
	if (unlikely(!entry)) {
		record_after_give_up(e, regs, ip, ret_ip, r);
		return NULL;
	}
	*ring = r;
	return trace_entry_fill(entry, e->event.id, regs->flags, probed_context(regs));
}

/* Without arguments. */
static void record_place(struct kprobe *p, struct pt_regs *regs)
{
	struct ring_cpu *r;
	u64 *ip =
		begin(container_of(p, struct probe_event, probe), regs, p->addr, 0, COMMON + sizeof(*ip), &r);

	if (!ip)
		return;
	*ip = p->addr;
	ring_commit(r);
}

static __always_inline void record(struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip)
{
	struct ring_cpu *r;
	void *fields = begin(e, regs, ip, ret_ip, e->strings ? ~0u : ALIGN_UP(e->size, 4u), &r);

	if (!fields)
		return;
	fill(e, regs, ip, ret_ip, (u8 *)fields - COMMON);
	ring_commit(r);
}

static void record_probe(struct kprobe *p, struct pt_regs *regs)
{
	record(container_of(p, struct probe_event, probe), regs, p->addr, 0);
}

static void record_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct probe_event *e = container_of(ri->rp, struct probe_event, ret);

	record(e, regs, e->addr, ri->ret_addr);
}

static void record_watch(struct watchpoint *w, struct pt_regs *regs)
{
	record(container_of(w, struct probe_event, watch), regs, regs->ip, 0);
}

static void trace_missed(u64 addr) { tracepoint(kprobe_missed, addr); }
void (*kprobe_missed_handler)(u64 addr) = trace_missed;

void probe_event_record(struct probe_event *e, const struct pt_regs *regs, u64 ip, u64 ret_ip)
{
	record(e, regs, ip, ret_ip);
}

static int probe(struct probe_event *e, const char **why)
{
	switch (e->kind) {
	case 'r':
		e->ret.kp.addr = e->addr;
		e->ret.handler = record_return;
		return kretprobe_register(&e->ret, why);
	case 'w':
		e->watch.addr = e->addr;
		e->watch.handler = record_watch;
		return watchpoint_register(&e->watch, why);
	default:
		e->probe.addr = e->addr;
		e->probe.pre = e->nr_args ? record_probe : record_place;
		return kprobe_register(&e->probe, why);
	}
}

static void unprobe(struct probe_event *e)
{
	if (e->kind == 'r')
		kretprobe_unregister(&e->ret);
	else if (e->kind == 'w')
		watchpoint_unregister(&e->watch);
	else
		kprobe_unregister(&e->probe);
}

/* Why not isn't to be seen in the definition, so it is said when it comes up. */
static int arm_watch(struct probe_event *e)
{
	int err = watchpoint_arm(&e->watch);
	char line[DEFINITION_MAX];
	struct seq_buf b;

	if (err) {
		seq_buf_init(&b, line, sizeof(line));
		probe_event_show(&b.seq, e);
		line[b.len ? b.len - 1 : 0] = 0; /* its newline */
		error_log("trace_kprobe", line,
			  sizeof("w:") + strlen(e->group) + sizeof("/") - 1 + strlen(e->name),
			  "All debug registers are taken");
	}
	return err;
}

static int arm(struct probe_event *e, bool on)
{
	if (e->kind == 'r') {
		if (on)
			return kretprobe_arm(&e->ret);
		kretprobe_disarm(&e->ret);
	} else if (e->kind == 'w') {
		if (on)
			return arm_watch(e);
		watchpoint_disarm(&e->watch);
	} else {
		if (on)
			return kprobe_arm(&e->probe);
		kprobe_disarm(&e->probe);
	}
	return 0;
}

static const bool *armed(const struct probe_event *e)
{
	return e->kind == 'w' ? &e->watch.armed : &e->probe.armed;
}

static u64 hits(const struct probe_event *e, u64 *missed)
{
	if (e->kind == 'w') {
		*missed = e->watch.nmissed;
		return e->watch.hits;
	}
	*missed = e->probe.nmissed + (e->kind == 'r' ? e->ret.nmissed : 0);
	return e->probe.hits;
}

const struct probe_family kprobe_family = {
	.log = "trace_kprobe",
	.group = "kprobes",
	.events = &probe_events,
	.size = sizeof(struct probe_event),
	.parse = probe_event_parse,
	.show = probe_event_show,
	.probe = probe,
	.unprobe = unprobe,
	.arm = arm,
	.armed = armed,
	.hits = hits,
};

static const struct probe_event *of(const struct event *e)
{
	return container_of(e, struct probe_event, event);
}

static void print(struct seq *out, const struct event *event, const void *fields)
{
	const struct probe_event *e = of(event);
	const struct probe_head *head = fields;

	if (e->family->user && e->kind == 'r')
		seq_printf(out, "(0x%lx <- 0x%lx)", head->ret_ip, head->ip);
	else if (e->family->user)
		seq_printf(out, "(0x%lx)", head->ip);
	else if (e->kind == 'r')
		seq_printf(out, "(%pS <- %ps)", (void *)head->ret_ip, (void *)head->ip);
	else
		seq_printf(out, "(%pS)", (void *)head->ip);
	for (unsigned i = 0; i < e->nr_args; i++)
		fetch_print(out, e->args[i], (const u8 *)fields - COMMON);
}

static void show_print_fmt(struct seq *out, const struct event *event)
{
	const struct probe_event *e = of(event);

	seq_puts(out, e->kind == 'r' ? "\"(%lx <- %lx)" : "\"(%lx)");
	for (unsigned i = 0; i < e->nr_args; i++)
		fetch_print_format(out, e->args[i]);
	seq_puts(out, e->kind == 'r' ? "\", REC->__probe_func, REC->__probe_ret_ip" : "\", REC->__probe_ip");
	for (unsigned i = 0; i < e->nr_args; i++)
		fetch_print_operands(out, e->args[i]);
}

static const struct event_field *fields(const struct event *e) { return of(e)->fields; }

static struct event_field word_field(const char *name, u16 offset)
{
	return (struct event_field){
		.type = "unsigned long", .name = name, .offset = offset, .size = sizeof(u64)
	};
}

static struct event_field arg_field(const struct probe_arg *a)
{
	bool string = fetch_is_string(a);

	return (struct event_field){
		.type = a->type->field,
		.name = a->name,
		.offset = a->offset,
		.size = a->size,
		.is_signed = string || a->type->style == 'd',
		.is_string = string,
		.is_dynamic = string,
		.count = a->count,
	};
}

static int make_fields(struct probe_event *e)
{
	struct event_field *f = kzalloc(sizeof(*f) * (e->nr_args + 3u));

	if (!f)
		return -ENOMEM;
	e->fields = f;
	*f++ = word_field(e->kind == 'r' ? "__probe_func" : "__probe_ip", COMMON);
	if (e->kind == 'r')
		*f++ = word_field("__probe_ret_ip", COMMON + sizeof(u64));
	for (unsigned i = 0; i < e->nr_args; i++)
		*f++ = arg_field(e->args[i]);
	return 0;
}

static int arm_event(struct event *event, bool on)
{
	struct probe_event *e = container_of(event, struct probe_event, event);

	return e->family->arm(e, on);
}

int probe_event_prepare(struct probe_event *e)
{
	int err = make_fields(e);

	e->event = (struct event){
		.system = e->group,
		.name = e->name,
		.fields = fields,
		.print = print,
		.show_print_fmt = show_print_fmt,
		.arm = arm_event,
		.armed = e->family->armed(e), /* a bust disarms without asking */
	};
	return err ?: event_files_make(&e->files, &e->event);
}

void probe_event_add(struct probe_event *e)
{
	event_add(&e->event, &e->files);
	list_add_tail(&e->link, e->family->events);
}

void probe_event_remove(struct probe_event *e)
{
	e->family->unprobe(e);
	event_remove(&e->event, &e->files);
	list_del(&e->link);
}
