/* Stack traces as events: the unwinder's return addresses, as many as an entry holds. */
#include "trace/stack.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/unwind.h"
#include "arch/x86/mm/user.h"
#include "lib/string.h"
#include "trace/event.h"
#include "trace/event_record.h"
#include "trace/guard.h"
#include "trace/options.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"

#define CALLERS 16

struct stack_event {
	s32 size;
	u32 interrupted; /* bit n: a trap came at caller[n], which is no return address */
	u64 caller[CALLERS];
};
static_assert(sizeof(struct stack_event) <= RING_PAYLOAD_MAX, "it must fit an entry");

struct taken {
	const struct ftrace_frame *from; /* not before this one; NULL: all */
	u32 skip;			 /* of the others */
	struct stack_event event;
};

/* notrace, here and below: in the middle of a tracer, traced it would only be counted as dropped. */
static notrace bool take(void *arg, enum unwind_kind kind, u64 value, const void *frame)
{
	struct taken *t = arg;

	if (t->from && frame != t->from)
		return true;
	t->from = NULL;
	if (kind == UNWIND_TRAP)
		return true;
	if (value < USER_END) /* who made the system call */
		return false;
	if (t->skip) {
		t->skip--;
		return true;
	}
	if (kind == UNWIND_INTERRUPTED)
		t->event.interrupted |= 1u << t->event.size;
	t->event.caller[t->event.size++] = value;
	return t->event.size < CALLERS;
}

static __always_inline void record(const struct ftrace_frame *frame, u32 skip, u32 word)
{
	struct taken t = { .from = frame, .skip = skip };
	struct stack_event *e;
	size_t size;

	unwind(NULL, __builtin_frame_address(0), take, &t);
	size = offsetof(struct stack_event, caller) + (size_t)t.event.size * sizeof(u64);
	e = ring_buffer_reserve_for(TRACE_STACK, size, irqs_enabled(), word);
	if (!e)
		return;
	memcpy(e, &t.event, size);
	ring_buffer_commit(e);
}

notrace void trace_stack(const struct ftrace_frame *frame) { record(frame, 0, context_read()); }

bool trace_stack_wanted;
TRACE_OPTION(stacktrace, "stacktrace", &trace_stack_wanted, .changed = events_choose_way);

/* In the event's context, and without who recorded it. */
notrace void trace_stack_of_event(void)
{
	u32 word = context_read(), guard;

	preempt_disable(); /* the ring is this CPU's */
	guard = guard_by_other_policy() ? policy_enter_within(GUARD_FUNCTION, word)
					: guard_enter_in(GUARD_FUNCTION, guard_context(word));
	if (guard) {
		record(NULL, 1, word);
		guard_leave(guard);
	}
	preempt_enable();
}

static void print(struct seq *out, const void *payload)
{
	const struct stack_event *e = payload;

	seq_puts(out, "<stack trace>");
	for (s32 i = 0; i < e->size && i < CALLERS; i++) {
		seq_puts(out, "\n => ");
		if (e->interrupted & 1u << i)
			trace_print_ip(out, e->caller[i]);
		else
			trace_print_caller(out, e->caller[i]);
	}
}
EVENT_TYPE(stack_event_type, .type = TRACE_STACK, .print = print);
