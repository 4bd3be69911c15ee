/* Stack traces as events: the unwinder's return addresses, as many as an entry holds. */
#include "trace/stack.h"

#include "arch/x86/entry/unwind.h"
#include "lib/string.h"
#include "trace/event.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"

#define CALLERS 16

struct stack_event {
	s32 size;
	u64 caller[CALLERS];
};
static_assert(sizeof(struct stack_event) <= RING_PAYLOAD_MAX, "it must fit an entry");

struct taken {
	const struct ftrace_frame *from; /* not before this one; NULL: all */
	struct stack_event event;
};

/* notrace, here and below: in the middle of a tracer, traced it would only be counted as dropped. */
static notrace bool take(void *arg, enum unwind_kind kind, u64 value, const void *frame)
{
	struct taken *t = arg;

	if (t->from && frame != t->from)
		return true;
	t->from = NULL;
	if (kind != UNWIND_TRAP)
		t->event.caller[t->event.size++] = value;
	return t->event.size < CALLERS;
}

notrace void trace_stack(const struct ftrace_frame *frame)
{
	struct taken t = { .from = frame };
	struct stack_event *e;
	size_t size;

	unwind(NULL, __builtin_frame_address(0), take, &t);
	size = offsetof(struct stack_event, caller) + (size_t)t.event.size * sizeof(u64);
	e = ring_buffer_reserve(TRACE_STACK, size);
	if (!e)
		return;
	memcpy(e, &t.event, size);
	ring_buffer_commit(e);
}

static void print(struct seq *out, const void *payload)
{
	const struct stack_event *e = payload;

	seq_puts(out, "<stack trace>");
	for (s32 i = 0; i < e->size && i < CALLERS; i++) {
		seq_puts(out, "\n => ");
		trace_print_caller(out, e->caller[i]);
	}
}
EVENT_TYPE(stack_event_type, .type = TRACE_STACK, .print = print);
