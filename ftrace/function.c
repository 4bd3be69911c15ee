/* The function tracer: a record for each traced function's entry, and the files that switch it. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
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

static bool function_tracing;

void function_trace_call(u64 ip, u64 parent_ip);

/* notrace, here and below: called by every traced function; as a traced one it would call itself. */
static noinline notrace void record_slowly(u64 ip, u64 parent_ip, u32 word)
{
	u32 guard = guard_enter(GUARD_FUNCTION);
	struct function_event *e;

	if (!guard)
		return;
	e = ring_buffer_reserve_here(TRACE_FN, sizeof(*e), read_eflags(), word);
	if (e) {
		e->ip = ip;
		e->parent_ip = parent_ip;
		ring_buffer_commit_here(e);
	}
	guard_leave(guard);
}

/* What the fast way began is given up first; here, as there it would keep registers busy. */
static noinline notrace void record_again(u64 ip, u64 parent_ip, u32 word, struct ring_cpu *r)
{
	ring_give_up(r);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
	record_slowly(ip, parent_ip, word);
}

/*
 * What nearly every call is, a thread's and with room on the page, needs no function here: so there is nothing to save
 * but what cmpxchg16b takes.
 */
notrace void function_trace_call(u64 ip, u64 parent_ip)
{
	const u32 guard = GUARD_BIT(GUARD_FUNCTION, GUARD_TASK);
	struct trace_entry *entry;
	struct function_event *e;
	struct ring_cpu *r;
	u32 word;

	if (!ring_buffer_is_live())
		return;
	word = context_read(); /* the traced function's */
	preempt_disable();     /* guard bit and ring are this CPU's */
	r = this_cpu(live_ring);
	if (unlikely(!r))
		goto out;
	if (unlikely(!context_is_plain(word)))
		goto slow;
	if (unlikely(this_cpu(guard_bits) & guard))
		goto slow;
	guard_set(guard);
	entry = ring_reserve_fast(r, sizeof(*entry) + sizeof(*e));
	if (unlikely(!entry))
		goto no_room;
	e = trace_entry_fill(entry, TRACE_FN, read_eflags(), word);
	e->ip = ip;
	e->parent_ip = parent_ip;
	ring_commit(r);
	guard_leave(guard);
out:
	preempt_enable();
	return;
no_room:
	record_again(ip, parent_ip, word, r);
	preempt_enable();
	return;
slow:
	record_slowly(ip, parent_ip, word);
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
