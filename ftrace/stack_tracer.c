/* The stack tracer: the deepest any thread's stack has been at a function's entry, and who called whom down there. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/unwind.h"
#include "arch/x86/mm/user.h"
#include "ftrace/internal.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/guard.h"

#define MAX_ENTRIES 64

struct deepest {
	u64 size; /* bytes */
	u32 nr;
	u64 ip[MAX_ENTRIES];
	u32 depth[MAX_ENTRIES]; /* bytes of stack from where its return address lies */
};
static struct deepest deepest;
static u32 taken; /* 1 while somebody is at it, interrupts off */

struct walk {
	const struct ftrace_frame *from; /* not before this one; NULL: we are there */
	u64 top, at;
};

/* notrace, here and below: in the middle of a tracer. */
static notrace bool take(void *arg, enum unwind_kind kind, u64 value, const void *frame)
{
	struct walk *w = arg;
	u32 n = deepest.nr;

	if (w->from && frame != w->from)
		return true;
	if (kind != UNWIND_TRAP && value < USER_END) /* who made the system call */
		return false;
	if (kind == UNWIND_TRAP)
		w->at = (u64)frame + sizeof(struct pt_regs);
	else if (w->from)
		w->at = (u64)&w->from->ip;
	else if (frame)
		w->at = n == 1 ? w->at + sizeof(u64) : (u64)frame + sizeof(u64);
	if (kind != UNWIND_TRAP) {
		deepest.ip[n] = value;
		deepest.depth[n] = (u32)(w->top - w->at);
		deepest.nr++;
	}
	w->from = NULL;
	return deepest.nr < MAX_ENTRIES;
}

/* What can't wait may have interrupted who is at it. */
static notrace bool try_take(void)
{
	while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE)) {
		if (in_nmi())
			return false;
		cpu_relax();
	}
	return true;
}

static notrace void look_guarded(const struct ftrace_frame *frame, u64 top, u64 size, u64 none)
{
	struct walk w = { .from = frame, .top = top };
	u64 flags;

	flags = local_irq_save();
	if (try_take()) {
		if (size > deepest.size) {
			WRITE_ONCE(deepest.size, size);
			deepest.nr = 0;
			unwind(NULL, __builtin_frame_address(0), take, &w);
		}
		__atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
	}
	local_irq_restore(flags);
}

static notrace noinline void look(const struct ftrace_frame *frame, u64 top, u64 size)
{
	guard_call(GUARD_FUNCTION, context_read(), look_guarded, frame, top, size, 0);
}

/* Threads' stacks only: those that NMIs and their like have are not so large. */
static notrace void stack_trace_call(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
				     struct ftrace_frame *frame)
{
	const struct kstack *s = stack_of((u64)frame);
	u64 size;

	if (!s || s->top - s->base != TASK_STACK_SIZE)
		return;
	size = s->top - (u64)&frame->ip;
	if (likely(size <= READ_ONCE(deepest.size)))
		return;
	preempt_disable();
	look(frame, s->top, size);
	preempt_enable();
}

static struct ftrace_ops stack_ops = { .func = stack_trace_call };

static int trace_show(struct seq *out, const struct ctl_file *self)
{
	static struct deepest d; /* readers come one at a time */
	u64 flags = local_irq_save();

	if (try_take()) {
		memcpy(&d, &deepest, sizeof(d));
		__atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
	}
	local_irq_restore(flags);
	seq_printf(out,
		   "        Depth    Size   Location    (%u entries)\n"
		   "        -----    ----   --------\n",
		   d.nr);
	if (!stack_ops.trampoline && !d.size)
		seq_puts(out, "#\n#  Stack tracer disabled\n#\n"
			      "# To enable the stack tracer: echo 1 > stack_tracer_enabled\n#\n");
	for (u32 i = 0; i < d.nr; i++)
		seq_printf(out, "%3u) %8u   %5u   %pS\n", i, d.depth[i],
			   d.depth[i] - (i + 1 < d.nr ? d.depth[i + 1] : 0), (void *)d.ip[i]);
	return 0;
}
CTL_FILE(ctl_stack_trace, .path = "stack_trace", .show = trace_show);

static int size_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%lu\n", READ_ONCE(deepest.size));
	return 0;
}

static int size_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	WRITE_ONCE(deepest.size, v);
	return 0;
}
CTL_FILE(ctl_stack_max_size, .path = "stack_max_size", .show = size_show, .store = size_store);

static int enabled_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", stack_ops.trampoline != 0);
	return 0;
}

static int enabled_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v))
		return -EINVAL;
	if ((v != 0) == (stack_ops.trampoline != 0))
		return 0;
	return v ? register_ftrace_function(&stack_ops) : unregister_ftrace_function(&stack_ops);
}
CTL_FILE(ctl_stack_tracer_enabled, .path = "stack_tracer_enabled", .show = enabled_show,
	 .store = enabled_store);

static int filter_show(struct seq *out, const struct ctl_file *self)
{
	ftrace_set_show(out, &stack_ops.own.filter, "all functions enabled");
	return 0;
}

static int filter_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct ftrace_set *set = &stack_ops.own.filter, draft;
	int err = ftrace_words(text, len, NULL, false, false);

	if (!err)
		err = ftrace_set_copy(&draft, append ? set : NULL);
	if (err)
		return err;
	ftrace_words(text, len, &draft, false, true);
	ftrace_hash_replace(&stack_ops.own, set, &draft);
	return 0;
}
CTL_FILE(ctl_stack_trace_filter, .path = "stack_trace_filter", .show = filter_show, .store = filter_store);
