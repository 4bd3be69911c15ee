/* Probes at functions' entries without a trap: hit by the function tracer's call, beside all its consumers. */
#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "kprobe/handlers.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/vmem.h"

/* notrace, here and below: called by traced functions. */
static notrace void hit_guarded(struct kprobe_site *s, struct pt_regs *regs, struct ftrace_frame *frame,
				u64 none)
{
	if (unlikely(call_pre(s, regs))) {
		frame->ip = jump_landing(regs->ip);
	} else if (s->post) {
		regs->ip += SITE_SIZE;
		for (struct kprobe *p = READ_ONCE(s->probes); p; p = READ_ONCE(p->next))
			if (p->post && READ_ONCE(p->armed))
				p->post(p, regs);
	}
}

static __always_inline void hit(struct kprobe_site *s, struct pt_regs *regs, struct ftrace_frame *frame)
{
	if (!guard_call(GUARD_KPROBE, context_read() - PREEMPT_ONE, hit_guarded, s, regs, frame, 0))
		missed(s);
}

/*
 * Preemption goes off before the place is looked for: who takes it away waits for
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

static u64 used; /* trampolines, a bit each; given back under nothing */

static_assert(NR_PROBE_TRAMPOLINES == 64, "they are the bits of a word");
static_assert(offsetof(struct kprobe_site, only) == SITE_ONLY && offsetof(struct kprobe, pre) == KPROBE_PRE &&
		      offsetof(struct kprobe, hits) == KPROBE_HITS,
	      "probe_caller reads these");
static_assert(GUARD_BIT(GUARD_KPROBE, GUARD_TASK) == GUARD_KPROBE_TASK &&
		      (u32) ~(PREEMPT_MASK | CONTEXT_NO_RESCHED) == NOT_THREAD,
	      "probe_caller is about threads");

void trampolines_init(void)
{
	for (u64 at = 0; at < NR_PROBE_TRAMPOLINES * PROBE_TRAMPOLINE_SIZE; at += PAGE_SIZE)
		if (text_page_alloc(PROBE_TRAMPOLINES + at, INT3_BYTE) != 0)
			panic("boot: no memory for the probes' trampolines");
	BUG_ON(probe_template.size > PROBE_TRAMPOLINE_LIGHT ||
	       ftrace_template.size > PROBE_TRAMPOLINE_SIZE - PROBE_TRAMPOLINE_LIGHT);
}

static void put(u8 *code, u32 offset, u64 value, size_t size) { memcpy(code + offset, &value, size); }

/* The operand of a call at @at + @offset. */
static void put_call(u8 *code, u64 at, u32 offset, const void *to)
{
	put(code, offset, (u64)to - (at + offset + sizeof(u32)), sizeof(u32));
}

static void trampolines_fill(struct kprobe_site *s)
{
	const struct probe_template *t = &probe_template;
	u8 code[PROBE_TRAMPOLINE_SIZE];
	u64 at = (u64)s->trampolines;

	memset(code, INT3_BYTE, sizeof(code));
	memcpy(code, probe_caller, t->size);
	put(code, t->ip, s->addr, sizeof(u32));
	put(code, t->same, s->addr, sizeof(u32));
	put(code, t->site, (u64)s, sizeof(u64));
	put_call(code, at, t->handler, kprobe_ftrace_handler);
	put_call(code, at, t->schedule, preempt_schedule);
	put_call(code, at, t->landing, jump_landing);
	ftrace_trampoline_code(code + PROBE_TRAMPOLINE_LIGHT, at + PROBE_TRAMPOLINE_LIGHT, kretprobe_called,
			       s);
	text_poke(s->trampolines, code, sizeof(code));
}

/* The place's own, while there are any left; kept until it is freed. Under kprobe_mutex. */
static void trampolines_take(struct kprobe_site *s)
{
	u64 free = ~READ_ONCE(used);
	unsigned n;

	if (s->trampolines || !free)
		return;
	n = (unsigned)__builtin_ctzl(free);
	__atomic_fetch_or(&used, 1ul << n, __ATOMIC_ACQUIRE);
	s->trampolines = (u8 *)(PROBE_TRAMPOLINES + n * PROBE_TRAMPOLINE_SIZE);
	s->lingered = true;
	trampolines_fill(s);
}

void trampolines_give_back(struct kprobe_site *s)
{
	u8 int3s[PROBE_TRAMPOLINE_SIZE];

	if (!s->trampolines)
		return;
	memset(int3s, INT3_BYTE, sizeof(int3s));
	text_poke(s->trampolines, int3s, sizeof(int3s));
	__atomic_fetch_and(&used, ~(1ul << ((u64)s->trampolines - PROBE_TRAMPOLINES) / PROBE_TRAMPOLINE_SIZE),
			   __ATOMIC_RELEASE);
}

static u64 trampoline_of(struct kprobe_site *s, const struct kprobe *only)
{
	trampolines_take(s);
	if (!s->trampolines)
		return (u64)ftrace_probe_caller;
	return (u64)s->trampolines + (only && only->pre == kretprobe_at_entry ? PROBE_TRAMPOLINE_LIGHT : 0);
}

int site_call(struct kprobe_site *s, bool on, const struct kprobe *only)
{
	u64 target = on ? trampoline_of(s, only) : 0;
	int err;

	if (on)
		s->was_called = kprobe_calls = true; /* before the first call */
	err = s->called == target ? 0 : ftrace_set_probed(s->addr, target);
	if (err)
		return err;
	s->called = target;
	return 0;
}
