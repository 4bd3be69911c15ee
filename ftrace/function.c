/* The function tracer: a record for each traced function's entry, and the files that switch it. */
#include "abi/errno.h"
#include "ftrace/ftrace.h"
#include "ftrace/tracer.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "trace/event.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"

struct function_event {
	u64 ip, parent_ip;
};
static_assert(sizeof(struct function_event) <= RING_PAYLOAD_MAX, "it must fit a slot");

static bool function_tracing;

void function_trace_call(u64 ip, u64 parent_ip);

/* notrace: called by every traced function; as a traced one it would call itself. */
notrace void function_trace_call(u64 ip, u64 parent_ip)
{
	struct function_event *e;
	u32 guard;

	if (!READ_ONCE(tracing_is_on))
		return;
	preempt_disable(); /* guard bit and ring are this CPU's */
	guard = guard_enter(GUARD_FUNCTION);
	if (!guard) {
		preempt_enable_no_resched();
		return;
	}
	e = ring_buffer_reserve(TRACE_FN, sizeof(*e));
	if (e) {
		e->ip = ip;
		e->parent_ip = parent_ip;
		ring_buffer_commit(e);
	}
	guard_leave(guard);
	preempt_enable();
}

static void print_function(struct seq *out, u64 addr)
{
	struct symbol sym;

	if (symtab_find(&kernel_symtab, addr, &sym))
		seq_puts(out, sym.name);
	else
		seq_printf(out, "0x%lx", addr);
}

static void print(struct seq *out, const void *payload)
{
	const struct function_event *e = payload;

	print_function(out, e->ip);
	seq_puts(out, " <-");
	print_function(out, e->parent_ip);
}
EVENT_TYPE(function_event_type, .type = TRACE_FN, .print = print);

void tracer_refresh(void)
{
	size_t left = ftrace_update(function_tracing);

	if (left)
		printk("ftrace: %lu function(s) left as they are: a probe sits on their entry\n", left);
}

static int available_show(struct seq *out, const struct ctl_file *self)
{
	seq_puts(out, "function nop\n");
	return 0;
}
CTL_FILE(ctl_available_tracers, .path = "available_tracers", .show = available_show);

static int current_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%s\n", current_tracer_name);
	return 0;
}

static int current_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	while (len && isspace(text[len - 1]))
		len--;
	if (len == 8 && strncmp(text, "function", len) == 0)
		function_tracing = true;
	else if (len == 3 && strncmp(text, "nop", len) == 0)
		function_tracing = false;
	else
		return -EINVAL;
	current_tracer_name = function_tracing ? "function" : "nop";
	tracer_refresh();
	return 0;
}
CTL_FILE(ctl_current_tracer, .path = "current_tracer", .show = current_show, .store = current_store);
