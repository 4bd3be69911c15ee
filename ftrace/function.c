/* The function tracer: a record for each traced function's entry. */
#include "arch/x86/cpu/regs.h"
#include "ftrace/internal.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "trace/event.h"
#include "trace/guard.h"
#include "trace/options.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"

struct function_event {
	u64 ip, parent_ip;
};

/* What few ask for: threads to choose from, a stack with each event, another guard. Without it the tracer only has a nop there. */
static struct static_key slow_key;
static bool with_stack;

/* notrace, here and below: called by every traced function; as a traced one it would call itself. */
static __always_inline void record(u64 ip, u64 parent_ip, u32 word)
{
	struct function_event *e = ring_buffer_reserve_here(TRACE_FN, sizeof(*e), read_eflags(), word);

	if (!e)
		return;
	e->ip = ip;
	e->parent_ip = parent_ip;
	ring_buffer_commit_here(e);
}

static notrace void record_guarded(u64 ip, u64 parent_ip, u32 word, const struct ftrace_frame *frame)
{
	if (!ftrace_pid_traced())
		return;
	record(ip, parent_ip, word);
	if (READ_ONCE(with_stack))
		trace_stack(frame);
}

static noinline notrace void record_slowly(u64 ip, u64 parent_ip, u32 word, const struct ftrace_frame *frame)
{
	guard_call(GUARD_FUNCTION, word, record_guarded, ip, parent_ip, word, frame);
}

/* What the fast way began is given up first; here, as there it would keep registers busy. */
static noinline notrace void record_again(u64 ip, u64 parent_ip, u32 word, struct ring_cpu *r)
{
	ring_give_up(r);
	record(ip, parent_ip, word);
	guard_leave(GUARD_BIT(GUARD_FUNCTION, GUARD_TASK));
}

/*
 * What nearly every call is, a thread's and with room on the page, needs no function here: so there is nothing to save
 * but what cmpxchg16b takes.
 */
notrace void function_trace_call(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
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
	if (unlikely(!context_is_plain(word)) || static_branch_unlikely(&slow_key))
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
	record_slowly(ip, parent_ip, word, frame);
	preempt_enable();
}

static void print(struct seq *out, const void *payload)
{
	const struct function_event *e = payload;

	trace_print_ip(out, e->ip);
	if (!output_options.print_parent)
		return;
	seq_puts(out, " <-");
	trace_print_caller(out, e->parent_ip); /* which may be its last instruction */
}

static void print_raw(struct seq *out, const void *payload)
{
	const struct function_event *e = payload;

	seq_printf(out, "%lx %lx", e->ip, e->parent_ip);
}
EVENT_TYPE(function_event_type, .type = TRACE_FN, .print = print, .raw = print_raw);

struct ftrace_ops function_ops = { .func = function_trace_call, .hash = &ftrace_global_hash };

static int function_start(void) { return register_ftrace_function(&function_ops); }
static void function_stop(void) { unregister_ftrace_function(&function_ops); }
TRACER(function_tracer, .name = "function", .start = function_start, .stop = function_stop);

void function_slow_refresh(void)
{
	static_key_set(&slow_key,
		       with_stack || ftrace_pids_active() || static_key_enabled(&guard_policy_key));
}

TRACE_OPTION(func_stack_trace, "func_stack_trace", &with_stack, .changed = function_slow_refresh,
	     .tracer = "function");
