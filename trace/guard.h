/*
 * The recursion guard: one bit per kind of instrumentation and context, per CPU. An event whose bit
 * is already set comes from its own handler, and is dropped and counted.
 *
 * Contexts are told apart so that an interrupt's events are kept while the task's are being
 * written: the interrupted writer isn't running, it is not a recursion.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "context/context.h"
#include "context/trap.h"

enum guard_kind { GUARD_FUNCTION, GUARD_TRACEPOINT, GUARD_KPROBE, GUARD_MISSED, NR_GUARD_KINDS };
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

#define GUARD_BIT(kind, context) (1u << ((kind)*NR_GUARD_CONTEXTS + (context)))
/* Of every kind. */
#define GUARD_ALL(context) (0x11111111u << (context))
static_assert(NR_GUARD_CONTEXTS == 4, "a hex digit for each kind");

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
static __always_inline u32 guard_enter(enum guard_kind kind)
{
	return guard_enter_in(kind, guard_context(context_read()));
}
/* The same in an int3 or #DB; one in a real NMI is part of that. In two branches, each with its constant. */
static __always_inline bool guard_enter_trap(enum guard_kind kind)
{
	if (unlikely(in_real_nmi()))
		return guard_enter_in(kind, GUARD_NMI);
	return guard_enter_in(kind, GUARD_TRAP);
}
static __always_inline void guard_leave_trap(enum guard_kind kind)
{
	if (unlikely(in_real_nmi()))
		guard_clear(GUARD_BIT(kind, GUARD_NMI));
	else
		guard_clear(GUARD_BIT(kind, GUARD_TRAP));
}
/* The same where @word was the context word; threads, which call most of what is traced, have the shorter way. */
static __always_inline u32 guard_enter_call(enum guard_kind kind, u32 word)
{
	bool thread = !(word & ~(PREEMPT_MASK | CONTEXT_NO_RESCHED));

	return guard_enter_in(kind, likely(thread) ? GUARD_TASK : guard_context(word));
}

static __always_inline void guard_leave(u32 bit)
{
	barrier();
	this_cpu(guard_bits) &= ~bit;
}
