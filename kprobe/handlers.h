/* Calling a place's handlers, in whatever way it was hit: the parts that each of them inlines. */
#pragma once

#include "kprobe/internal.h"
#include "lib/tracepoint.h"
#include "trace/guard.h"

static __always_inline void count_missed(struct kprobe_site *s)
{
	for (struct kprobe *p = READ_ONCE(s->probes); p; p = READ_ONCE(p->next))
		if (READ_ONCE(p->armed))
			__atomic_fetch_add(&p->nmissed, 1, __ATOMIC_RELAXED);
}

/* A probe on the way of recording this would be missed again, and again: so it has a guard of its own, taken in here. */
static __always_inline void missed(struct kprobe_site *s)
{
	u32 guard;

	count_missed(s);
	if (!static_branch_unlikely(&event_kprobe_missed.key))
		return;
	guard = guard_enter(GUARD_MISSED);
	if (!guard)
		return;
	kprobe_missed_handler(s->addr);
	guard_leave(guard);
}

/* True: one of them has sent the probed context elsewhere. */
static __always_inline bool call_pre(struct kprobe_site *s, struct pt_regs *regs)
{
	struct kprobe *p = READ_ONCE(s->probes);

	while (p) {
		if (likely(p->armed)) {
			__atomic_fetch_add(&p->hits, 1, __ATOMIC_RELAXED);
			if (p->pre)
				p->pre(p, regs);
		}
		p = READ_ONCE(p->next);
		if (likely(!p) || regs->ip != s->addr)
			break;
	}
	return unlikely(regs->ip != s->addr);
}
