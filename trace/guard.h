/*
 * The recursion guard: one bit per kind of instrumentation and context, per CPU. An event whose bit
 * is already set comes from its own handler, and is dropped and counted.
 *
 * Contexts are told apart so that an interrupt's events are kept while the task's are being
 * written: the interrupted writer isn't running, it is not a recursion. That is one policy of
 * several (trace/policy.h); the others are out of line, and cost this one nothing.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "context/context.h"
#include "context/trap.h"
#include "trace/policy.h"

enum guard_context { GUARD_TASK, GUARD_IRQ, GUARD_TRAP, GUARD_NMI, NR_GUARD_CONTEXTS };

DECLARE_PER_CPU(u64, guard_dropped[NR_GUARD_KINDS]);

static __always_inline enum guard_context guard_context(u32 word)
{
	if (word & CONTEXT_REAL_NMI)
		return GUARD_NMI;
	if (word >> NMI_SHIFT)
		return GUARD_TRAP;
	return word & HARDIRQ_MASK ? GUARD_IRQ : GUARD_TASK;
}

/* Policy "flag"'s; the bits of the other policies are trace/policy.c's. */
#define GUARD_FLAG		 (1u << 16)
#define GUARD_BIT(kind, context) (1u << ((kind)*NR_GUARD_CONTEXTS + (context)))
/* Of every kind. */
#define GUARD_ALL(context) (0x1111u << (context))
static_assert(NR_GUARD_CONTEXTS == 4 && NR_GUARD_KINDS == 4, "a hex digit for each kind");

static __always_inline bool guard_taken(u32 bits)
{
	bool any;

	__asm__ volatile("testl %2, %1" : "=@ccnz"(any) : "m"(this_cpu(guard_bits)), "ri"(bits));
	return any;
}
/* For who has looked himself. */
static __always_inline void guard_set(u32 bit)
{
	__asm__ volatile("orl %1, %0" : "+m"(this_cpu(guard_bits)) : "ri"(bit) : "memory", "cc");
}

static __always_inline void guard_clear(u32 bit)
{
	__asm__ volatile("andl %1, %0" : "+m"(this_cpu(guard_bits)) : "ri"(~bit) : "memory", "cc");
}

/* Any context, which is @context. The bit to give back to guard_leave(), or 0: drop the event. */
static __always_inline u32 guard_enter_in(enum guard_kind kind, enum guard_context context)
{
	u32 bit = GUARD_BIT(kind, context);

	if (this_cpu(guard_bits) & bit) {
		this_cpu_at(guard_dropped, kind)++;
		return 0;
	}
	guard_set(bit);
	return bit;
}
/*
 * What is taken is given back as it was taken, whatever the policy is by then. Preemption is off in between, or the bit
 * would be another thread's, too.
 */
static __always_inline void guard_leave(u32 bit)
{
	barrier();
	this_cpu(guard_bits) &= ~bit;
}

static __always_inline u32 guard_enter(enum guard_kind kind)
{
	u32 word = context_read();

	return guard_by_other_policy() ? policy_enter(kind, word) : guard_enter_in(kind, guard_context(word));
}
/* The same in an int3 or #DB; one in a real NMI is part of that. In two branches, each with its constant. */
static __always_inline u32 guard_enter_trap(enum guard_kind kind)
{
	if (guard_by_other_policy())
		return policy_enter_trap(kind);
	if (unlikely(in_real_nmi()))
		return guard_enter_in(kind, GUARD_NMI);
	return guard_enter_in(kind, GUARD_TRAP);
}
/* The same where @word was the context word, by context; threads, which call most of what is traced, have the shorter way. */
static __always_inline u32 guard_enter_call(enum guard_kind kind, u32 word)
{
	bool thread = !(word & ~(PREEMPT_MASK | CONTEXT_NO_RESCHED));

	return guard_enter_in(kind, likely(thread) ? GUARD_TASK : guard_context(word));
}

/*
 * Any context, whose context word is @word: fn(a, b, c, d) under the guard, without a result, all of whose arguments are
 * numbers or pointers. Whether it was called: if not, the event is dropped, and has been counted.
 */
/* clang-format off */
#define guard_call(kind, word, fn, a, b, c, d)                                                      \
	({                                                                                          \
		u32 _guard;                                                                         \
		if (guard_by_other_policy()) {                                                      \
			_guard = policy_call(kind, word, (guarded_fn)(void *)(fn), (u64)(a), (u64)(b), \
					     (u64)(c), (u64)(d));                                   \
		} else {                                                                            \
			_guard = guard_enter_call(kind, word);                                      \
			if (_guard) {                                                               \
				(fn)(a, b, c, d);                                                   \
				guard_leave(_guard);                                                \
			}                                                                           \
		}                                                                                   \
		_guard != 0;                                                                        \
	})
/* clang-format on */
