/*
 * Where events go: a ring for each CPU. Reserve, fill, commit. Any context may write, also in the middle of another's
 * write.
 */
#pragma once

#include "context/context.h"
#include "lib/compiler.h"
#include "trace/ring_reader.h"

/* What every event begins with, as the trace format has it. */
struct trace_entry {
	u16 type;
	u8 flags; /* TRACE_FLAG_* */
	u8 preempt_count;
	s32 pid;
};

#define TRACE_FLAG_IRQS_OFF	0x01
#define TRACE_FLAG_NEED_RESCHED 0x04
#define TRACE_FLAG_HARDIRQ	0x08
#define TRACE_FLAG_NMI		0x40

#define RING_PAYLOAD_MAX (RING_DATA_MAX - sizeof(struct trace_entry))

/* This CPU's ring while it is recorded, else NULL. */
DECLARE_PER_CPU(struct ring_cpu *, live_ring);

/* Boot, first of all: from here on CPU 0's events are kept, in a few pages of the image. */
void ring_buffer_early_init(void);
/*
 * Boot: CPU 0's ring gets @size bytes, as the others will; 0: the usual, which it gets, too, when that is too much; then
 * the log says so. Panics when there is no memory, or when the CPU has no cmpxchg16b.
 */
void ring_buffer_init(u64 size);
/* Boot: the other CPUs that are up get theirs. One that gets none doesn't record, and the log says so. */
void ring_buffer_init_others(void);

/* Any context: an event here would be recorded, as far as one can know. */
static __always_inline bool ring_buffer_is_live(void) { return this_cpu(live_ring) != NULL; }

/* Nearly always: a thread, and nobody wants its CPU. */
static __always_inline bool context_is_plain(u32 word) { return word - CONTEXT_NO_RESCHED <= PREEMPT_MASK; }

static __always_inline u8 trace_entry_context_flags(u32 word)
{
	if (likely(context_is_plain(word)))
		return 0;
	return (word & CONTEXT_NO_RESCHED ? 0 : TRACE_FLAG_NEED_RESCHED) |
	       (word & HARDIRQ_MASK ? TRACE_FLAG_HARDIRQ : 0) | (word >> NMI_SHIFT ? TRACE_FLAG_NMI : 0);
}

/* @eflags as they were when @word was the context word. */
static __always_inline void *trace_entry_fill(struct trace_entry *e, u16 type, u64 eflags, u32 word)
{
	u32 first = (u32)eflags << 7 & TRACE_FLAG_IRQS_OFF << 16;

	static_assert(X86_EFLAGS_IF << 7 == TRACE_FLAG_IRQS_OFF << 16,
		      "the interrupt flag comes to its place by one shift");
	static_assert(offsetof(struct trace_entry, flags) == 2, "which is the third byte");
	__asm__("" : "+r"(first)); /* GCC would take three instructions for the next one */
	*(u32 *)e = first ^ (TRACE_FLAG_IRQS_OFF << 16 | type);
	e->flags |= trace_entry_context_flags(word);
	e->preempt_count = (u8)word;
	e->pid = this_cpu(current_tid);
	return e + 1;
}

/*
 * Any context, preemption off until the commit. Room for @size bytes, at most RING_PAYLOAD_MAX, aligned to 4; NULL
 * when recording is off, or the event is dropped. The event is said to be of a context that had these flags and this
 * context word.
 */
static __always_inline void *ring_buffer_reserve_here(u16 type, size_t size, u64 eflags, u32 word)
{
	struct ring_cpu *r = this_cpu(live_ring);
	struct trace_entry *e;

	if (unlikely(!r))
		return NULL;
	e = ring_reserve(r, (u32)(sizeof(*e) + ALIGN_UP(size, 4ul)));
	return likely(e) ? trace_entry_fill(e, type, eflags, word) : NULL;
}
static __always_inline void ring_buffer_commit_here(const void *payload)
{
	ring_commit(((struct ring_page *)((u64)payload & ~0xffful))->slot->ring);
}

/* The same as functions, for any context; preemption is off from a reservation that succeeds to its end. */
void *ring_buffer_reserve(u16 type, size_t size);
void *ring_buffer_reserve_for(u16 type, size_t size, bool irqs_on, u32 word);
void ring_buffer_commit(void *payload);
/* Instead: it never was; @size as reserved. */
void ring_buffer_discard(void *payload, size_t size);

/* Any context, and at once: recording on or off, on all CPUs. */
void tracing_on(void);
void tracing_off(void);
bool tracing_is_on(void);

/*
 * All below: thread context, and what changes may wait; readers and changes one at a time, as tracefs has its clients.
 *
 * Two sets of rings: the ones written to, and the snapshot, whose rings may be missing.
 */
enum ring_set { RINGS_LIVE, RINGS_SNAPSHOT };

/* NULL when it has none. */
struct ring_cpu *ring_buffer_of(enum ring_set set, u32 cpu);
/* Only these CPUs are recorded, a bit each. */
void ring_buffer_set_cpus(u32 cpus);
u32 ring_buffer_cpus(void);
/* All CPUs, or one of them. */
#define RING_ALL_CPUS (~0u)
void ring_buffer_reset(void);
void ring_buffer_reset_set(enum ring_set set, u32 cpu);
/* To @pages pages each, or as few as can be. -ENOMEM, and nothing has changed. The newest events stay. */
int ring_buffer_resize(u32 cpu, size_t pages);
void ring_buffer_set_overwrite(bool overwrite);
/* What was recorded becomes the snapshot, and recording goes on in what was that, emptied. -ENOMEM. */
int ring_buffer_snapshot(void);
/* Only makes the snapshot's rings, if there are none. -ENOMEM. */
int ring_buffer_snapshot_alloc(void);
/*
 * Any context that a grace period waits for, and at once: the same, if there are rings for it and nothing is being changed.
 * The rings that come into use aren't emptied: as on Linux they go on behind what they had.
 */
void ring_buffer_snapshot_now(void);
void ring_buffer_snapshot_free(void);
bool ring_buffer_has_snapshot(void);

/* The events of all CPUs or of one, in the order of their time. */
struct ring_merge {
	struct ring_reader readers[NR_CPUS];
	struct ring_cpu copies[NR_CPUS]; /* of the rings, if they are not read themselves */
	u32 cpus;			 /* a bit for each that takes part */
	void *event; /* a copy of the last one, as a look at the next may need its page's place */
};
struct ring_event {
	u64 time; /* ns */
	u32 cpu;
	u64 lost; /* events of that CPU lost before it, if they are consumed */
	const struct trace_entry *entry;
	u32 size; /* of it and its payload */
};
/*
 * -ENOMEM. Consumed events are gone for others; if one only looks they stay. A copy has what was there at once, however
 * much is written while it is read.
 */
enum ring_way { RING_LOOK, RING_CONSUME, RING_COPY };
int ring_merge_begin(struct ring_merge *m, enum ring_set set, u32 cpu, enum ring_way way);
/* The next event, valid until the next call; false: none, for now. */
bool ring_merge_next(struct ring_merge *m, struct ring_event *e);
/* The time of the event that ring_merge_next() would give, which stays; false: none, for now. */
bool ring_merge_peek(struct ring_merge *m, u64 *time);
void ring_merge_end(struct ring_merge *m);

/* Of the rings that it reads, or of their copies: events written, and of these still there and not consumed. */
u64 ring_merge_count(const struct ring_merge *m, u64 *entries);

/* Since the last reset: events written, and of these still there. */
u64 ring_buffer_count(enum ring_set set, u32 cpu, u64 *entries);
/* The same of all CPUs' rings, one by one. */
u64 ring_buffer_written(void);
u64 ring_buffer_entries(void);

/* tracefs/'s, in hardirq context. */
void trace_wake_readers(void);
/* rcu/'s: waits until every writer that may have seen live_ring as it was is done. */
void trace_synchronize(void);
