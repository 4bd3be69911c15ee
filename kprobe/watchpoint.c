/* Watchpoints: which debug register is whose, and what a hit does. */
#include "kprobe/watchpoint.h"

#include "abi/errno.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/entry/unwind.h"
#include "context/trap.h"
#include "kprobe/internal.h"
#include "sched/thread.h"
#include "trace/guard.h"

extern const u8 __text_start[], __text_end[];

static struct watchpoint *watched[NR_HW_BREAKPOINTS]; /* changed under kprobe_mutex */

static bool overlaps(const struct watchpoint *w, const volatile void *at, size_t size)
{
	return w->addr < (u64)at + size && (u64)at < w->addr + w->len;
}

/*
 * What #DB's stub reads and writes for the trap's record, before and after the handler that has the debug registers switched
 * off: an access to it would lead to the next #DB before the first one is through.
 */
static bool in_accounts(const struct watchpoint *w, unsigned cpu)
{
	u32 **nests = *per_cpu_ptr(ring_nests, cpu);

	return overlaps(w, per_cpu_ptr(context_word, cpu), sizeof(context_word)) ||
	       overlaps(w, per_cpu_ptr(guard_bits, cpu), sizeof(guard_bits)) ||
	       overlaps(w, per_cpu_ptr(rcu_trace_reader, cpu), sizeof(rcu_trace_reader)) ||
	       overlaps(w, per_cpu_ptr(watch, cpu), sizeof(watch)) ||
	       overlaps(w, per_cpu_ptr(trap_top, cpu), sizeof(void *)) ||
	       overlaps(w, nests, sizeof(ring_nests)) || overlaps(w, nests[0], sizeof(u32)) ||
	       overlaps(w, nests[1], sizeof(u32));
}

static bool on_stubs_way(const struct watchpoint *w)
{
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu && in_accounts(w, cpu))
			return true;
	return false;
}

static const char *why_not(const struct watchpoint *w)
{
	if (w->type != WATCH_EXECUTE && w->type != WATCH_WRITE && w->type != WATCH_ACCESS)
		return "Watchpoint is neither for execution, nor writes, nor all accesses";
	if (w->len != 1 && w->len != 2 && w->len != 4 && w->len != 8)
		return "Watchpoint's length is not 1, 2, 4 or 8";
	if (w->type == WATCH_EXECUTE && w->len != 1)
		return "Watchpoint for execution has a length other than 1";
	if (w->addr % w->len)
		return "Watchpoint's address is not a multiple of its length";
	if ((s64)w->addr >> 47 != -1)
		return "Watchpoint is not at a kernel address";
	if (w->type == WATCH_EXECUTE && w->addr - (u64)__text_start >= (u64)(__text_end - __text_start))
		return "Watchpoint for execution is not in visible kernel text";
	if (hw_breakpoint_refuses(w->addr, w->len) || on_stubs_way(w))
		return "Watchpoint is on a stack, or on what the way to its own handler uses";
	return NULL;
}

int watchpoint_register(struct watchpoint *w, const char **why)
{
	struct insn insn;

	*why = why_not(w);
	if (*why)
		return -EINVAL;
	/* One that can't be probed can be watched; but only its first byte is ever executed. */
	if (w->type == WATCH_EXECUTE && kprobe_check(w->addr, &insn, why) == -EILSEQ)
		return -EILSEQ;
	w->armed = false;
	w->hits = w->nmissed = 0;
	return 0;
}

int watchpoint_arm(struct watchpoint *w)
{
	unsigned n = 0;

	mutex_lock(&kprobe_mutex);
	if (w->type == WATCH_EXECUTE)
		unoptimize_over(w->addr);
	while (!w->armed && n < NR_HW_BREAKPOINTS)
		if (watched[n]) {
			n++;
		} else {
			w->reg = (u8)n;
			w->armed = true;
			WRITE_ONCE(watched[n], w);
			hw_breakpoint_set(n, w->addr, w->len, w->type);
		}
	mutex_unlock(&kprobe_mutex);
	return n < NR_HW_BREAKPOINTS ? 0 : -ENOSPC;
}

void watchpoint_disarm(struct watchpoint *w)
{
	mutex_lock(&kprobe_mutex);
	if (w->armed && watched[w->reg] == w) {
		hw_breakpoint_clear(w->reg);
		WRITE_ONCE(watched[w->reg], NULL);
		optimize_again_over(w->addr);
	}
	w->armed = false;
	mutex_unlock(&kprobe_mutex);
}

void watchpoint_move(struct watchpoint *w, u64 addr)
{
	u64 before = w->addr;

	mutex_lock(&kprobe_mutex);
	if (w->type == WATCH_EXECUTE)
		unoptimize_over(addr);
	w->addr = addr;
	hw_breakpoint_set(w->reg, addr, w->len, w->type);
	optimize_again_over(before);
	mutex_unlock(&kprobe_mutex);
}

unsigned watchpoints_taken(void)
{
	unsigned taken = 0;

	mutex_lock(&kprobe_mutex);
	for (unsigned n = 0; n < NR_HW_BREAKPOINTS; n++)
		taken |= (unsigned)(watched[n] != NULL) << n;
	mutex_unlock(&kprobe_mutex);
	return taken;
}

void watchpoints_drop(unsigned which)
{
	mutex_lock(&kprobe_mutex);
	for (unsigned n = 0; n < NR_HW_BREAKPOINTS; n++)
		if (which >> n & 1) {
			hw_breakpoint_clear(n);
			WRITE_ONCE(watched[n], NULL);
		}
	mutex_unlock(&kprobe_mutex);
}

void watchpoint_unregister(struct watchpoint *w) { watchpoint_disarm(w); }

bool watchpoint_executes(u64 addr, size_t n)
{
	for (unsigned i = 0; i < NR_HW_BREAKPOINTS; i++) {
		const struct watchpoint *w = watched[i];

		if (w && w->type == WATCH_EXECUTE && w->addr - addr < n)
			return true;
	}
	return false;
}

static void call_handler(struct watchpoint *w, struct pt_regs *regs)
{
	u64 displaced = w->always ? 0 : regs->ip - text_original(regs->ip);

	regs->ip -= displaced;
	w->handler(w, regs);
	regs->ip += displaced;
}
/* As handlers are: not called from hidden code by its name. */
extern void (*watchpoint_call)(struct watchpoint *w, struct pt_regs *regs);
void (*watchpoint_call)(struct watchpoint *w, struct pt_regs *regs) = call_handler;

/* Was it hit in the tracer's or a handler's own work? Other policies have their own idea of that. */
static __always_inline bool in_instrumentation(void)
{
	return !guard_by_other_policy() &&
	       this_cpu(guard_bits) & GUARD_ALL(guard_context(this_cpu(trap_top)->before.context_word));
}

/* The guard is the probes': neither is handled inside the other. */
static __always_inline void hit(struct watchpoint *w, struct pt_regs *regs)
{
	u32 guard;

	if (unlikely(w->always)) {
		watchpoint_call(w, regs);
		return;
	}
	guard = in_instrumentation() ? 0 : guard_enter(GUARD_KPROBE);
	if (!guard) {
		__atomic_fetch_add(&w->nmissed, 1, __ATOMIC_RELAXED);
		return;
	}
	__atomic_fetch_add(&w->hits, 1, __ATOMIC_RELAXED);
	watchpoint_call(w, regs);
	guard_leave(guard);
}

__kprobes bool watchpoint_debug(struct pt_regs *regs, u64 dr6, u64 dr7)
{
	bool any = false;

	for (unsigned n = 0; n < NR_HW_BREAKPOINTS; n++) {
		struct watchpoint *w = READ_ONCE(watched[n]);

		if (!hw_breakpoint_hit(n, dr6, dr7) || !w)
			continue;
		hit(w, regs);
		if (w->type == WATCH_EXECUTE)
			regs->flags |= X86_EFLAGS_RF; /* or it would be hit again, and never run */
		any = true;
	}
	return any && !(dr6 & DR6_BS);
}
