/* Probes at functions' entries without a trap: hit by the function tracer's call, beside all its consumers. */
#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "kprobe/handlers.h"
#include "rcu/rcu.h"

static __always_inline void hit(struct kprobe_site *s, struct pt_regs *regs, struct ftrace_frame *frame)
{
	u32 guard = guard_enter_call(GUARD_KPROBE, context_read() - PREEMPT_ONE);

	if (!guard) {
		missed(s);
		return;
	}
	if (unlikely(call_pre(s, regs))) {
		frame->ip = regs->ip;
	} else if (s->post) {
		regs->ip += SITE_SIZE;
		for (struct kprobe *p = READ_ONCE(s->probes); p; p = READ_ONCE(p->next))
			if (p->post && READ_ONCE(p->armed))
				p->post(p, regs);
	}
	guard_leave(guard);
}

/*
 * notrace: called by traced functions. Preemption goes off before the place is looked for: who takes it away waits for
 * those that have it off.
 */
notrace void kprobe_ftrace_handler(u64 ip, u64 parent_ip, struct ftrace_ops *none, struct ftrace_frame *frame)
{
	struct kprobe_site *s;

	preempt_disable();
	s = kprobe_find(ip);
	if (likely(s))
		hit(s, ftrace_frame_regs(frame), frame);
	preempt_enable();
}

int site_call(struct kprobe_site *s, bool on)
{
	int err = s->called == on ? 0 : ftrace_set_probed(s->addr, on);

	if (err)
		return err;
	s->called = on;
	s->was_called |= on;
	return 0;
}
