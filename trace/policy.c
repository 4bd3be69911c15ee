/* The guard's other policies: which bit an event takes by each of them. */
#include "trace/guard.h"

#include "arch/x86/cpu/regs.h"
#include "context/irq_work.h"
#include "context/recover.h"
#include "lib/ctl.h"
#include "lib/printk.h"

const char *const policy_names[NR_POLICIES] = { "none", "flag", "kind", "context", "stack" };
enum guard_policy guard_policy = POLICY_CONTEXT;
struct static_key guard_policy_key, flag_first_key;
bool instruments_off;
struct given_up given_up;

/* Beside those of kind and context, so that events begun by one policy and by another don't take each other's. */
#define IN_KIND(kind) (1u << (20 + (kind)))
/* Not 0, and in no one's way. */
#define NOTHING (1u << 31)

/* Of what an int3 or #DB interrupted; one in an NMI belongs to that in any case. */
static __always_inline enum guard_context interrupted_context(u32 word)
{
	return guard_context(word & ((1u << NMI_SHIFT) - 1));
}

static __always_inline u32 bit_of(enum guard_policy policy, enum guard_kind kind, u32 word)
{
	switch (policy) {
	case POLICY_NONE:
		return NOTHING;
	case POLICY_FLAG:
		return GUARD_FLAG;
	case POLICY_KIND:
		return IN_KIND(kind);
	case POLICY_STACK:
		return GUARD_BIT(kind, interrupted_context(word));
	default:
		return GUARD_BIT(kind, guard_context(word));
	}
}

/* Hidden, here and below: traps ask, before a probe may be hit again. */
__kprobes u32 policy_enter(enum guard_kind kind, u32 word)
{
	u32 bit = bit_of(READ_ONCE(guard_policy), kind, word);

	if (bit == NOTHING && likely(!READ_ONCE(instruments_off)))
		return bit;
	if (bit == NOTHING || guard_taken(bit)) {
		this_cpu_at(guard_dropped, kind)++;
		return 0;
	}
	guard_set(bit);
	return bit;
}

/* The flag that wasn't there before this trap is what do_int3() has taken for it. */
__kprobes u32 policy_enter_trap(enum guard_kind kind)
{
	if (READ_ONCE(guard_policy) == POLICY_FLAG && guard_taken(GUARD_FLAG) &&
	    !(this_cpu(trap_top)->before.guard_bits & GUARD_FLAG))
		return NOTHING;
	return policy_enter(kind, context_read());
}

/* By the flag alone it would be taken for a recursion. notrace: in the middle of a tracer. */
notrace u32 policy_enter_within(enum guard_kind kind, u32 word)
{
	if (READ_ONCE(guard_policy) == POLICY_FLAG && guard_taken(GUARD_FLAG))
		return NOTHING;
	return policy_enter(kind, word);
}

static void report(struct irq_work *w)
{
	printk("recursion: %u calls of %ps inside each other, over %lu bytes of stack: given up, and nothing more is recorded\n",
	       given_up.depth, given_up.function, given_up.stack);
}
static IRQ_WORK(report_work, report); /* who was given up may be the scheduler: nothing is printed there */

/* Interrupts stay out: one at the end of the stack would find no room, and can't be given up as a call can. */
static noinline __kprobes bool call_unguarded(guarded_fn fn, u64 a, u64 b, u64 c, u64 d)
{
	u64 flags = raw_local_irq_save();
	bool done = recoverable_call(a, b, c, d, fn);

	if (!done)
		irq_work_queue(&report_work);
	raw_local_irq_restore(flags);
	return done;
}

__kprobes bool policy_call(enum guard_kind kind, u32 word, guarded_fn fn, u64 a, u64 b, u64 c, u64 d)
{
	bool done;
	u32 guard;

	preempt_disable();
	guard = policy_enter(kind, word);
	done = guard;
	if (guard == NOTHING) {
		done = call_unguarded(fn, a, b, c, d);
		if (!done)
			this_cpu_at(guard_dropped, kind)++;
	} else if (guard) {
		fn(a, b, c, d);
	}
	guard_leave(guard);
	preempt_enable();
	return done;
}

/* Since boot; and of the last. */
static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "recovered %lu\n", given_up.count);
	if (given_up.count)
		seq_printf(out, "function %ps\ndepth %u\nstack %lu\n", given_up.function, given_up.depth,
			   given_up.stack);
	seq_printf(out, "off %d\n", instruments_off);
	return 0;
}
CTL_FILE(ctl_recursion_recovered, .path = "recursion/recovered", .show = show);
