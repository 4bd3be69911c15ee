/*
 * Recording an event. A thread's that is just recorded goes into the ring at once, field by field; any other is put
 * together on the stack first, since nobody knows yet whether the ring will see it.
 */
#pragma once

#include "arch/x86/cpu/regs.h"
#include "lib/tracepoint.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"

#define FIRST_EVENT_ID 32

/*
 * ftrace/'s. Any context that RCU watches: what the event's files say is done with @record, whose @size bytes of fields
 * are filled in. It is said to be of a context that had these flags and this context word.
 */
void event_record(struct event *e, struct trace_entry *record, u32 size, u64 eflags, u32 word);

/* The same for what runs under the guard of another kind already, and asks for no more. */
void event_record_within(struct event *e, struct trace_entry *record, u32 size, u64 eflags, u32 word);

/* The same from a recorder below, where event_try() may have begun something with @ring. */
void event_record_other(struct event *e, struct trace_entry *record, u32 size, u32 word,
			struct ring_cpu *ring);

#define EVENT_GUARD GUARD_BIT(GUARD_TRACEPOINT, GUARD_TASK)

/*
 * The place for the fields, in the ring, for the most common case; NULL in all others, and then @ring is what has been begun
 * with, preemption off and guard taken. Nothing is called on the way, so that the recorder's arguments can stay where they are.
 */
static __always_inline void *event_try(const struct event *e, u16 id, u32 size, u32 word,
				       struct ring_cpu **ring)
{
	struct trace_entry *entry;
	struct ring_cpu *r;

	if (unlikely(!context_is_plain(word)))
		return NULL;
	preempt_disable(); /* guard and ring are this CPU's; and who is preempted asks afterwards */
	r = this_cpu(live_ring);
	if (unlikely(!READ_ONCE(e->fast) || !r || this_cpu(guard_bits) & EVENT_GUARD)) {
		preempt_enable_no_resched(); /* the other way will look */
		return NULL;
	}
	guard_set(EVENT_GUARD);
	*ring = r;
	entry = ring_reserve_fast(r, size);
	return likely(entry) ? trace_entry_fill(entry, id, read_eflags(), word) : NULL;
}

static __always_inline void event_done(struct ring_cpu *ring)
{
	ring_commit(ring);
	guard_leave(EVENT_GUARD);
	preempt_enable();
}

/* Walk over all: NULL begins and ends; build-time ones first. Thread context. */
struct event *event_next(const struct event *e);
/* Thread context: decides anew whether @e is just recorded; and the same of all. */
void event_choose_way(struct event *e);
void events_choose_way(void);
/* Events of run time. Thread context; one at a time. Gives @e its id. */
void event_list_add(struct event *e);
void event_list_remove(struct event *e);
/* What is printed for a record of type @id; NULL: no such event any more. */
struct event *event_by_id(u16 id);
