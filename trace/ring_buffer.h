/*
 * Where events go, from all CPUs: reserve, fill, commit. Any context may write, also in the middle of
 * another's write; the newest events overwrite the oldest.
 */
#pragma once

#include "lib/types.h"

#define RING_PAYLOAD_MAX 40

struct ring_entry {
	u64 seq;  /* its number since boot plus one, once committed; 0 while being written */
	u64 time; /* ns */
	u8 type, cpu;
	u8 flags; /* TRACE_FLAG_* */
	u8 preempt_count;
	s32 pid;
	u8 payload[RING_PAYLOAD_MAX];
};

/* As the trace format has them. */
#define TRACE_FLAG_IRQS_OFF	0x01
#define TRACE_FLAG_NEED_RESCHED 0x04
#define TRACE_FLAG_HARDIRQ	0x08
#define TRACE_FLAG_NMI		0x40

/* Boot, once. Panics when there is no memory. */
void ring_buffer_init(void);
/* Any context. Room for @size bytes (at most RING_PAYLOAD_MAX), or NULL when tracing is off or not yet set up. */
void *ring_buffer_reserve(u16 type, size_t size);
/* The same, on behalf of the context a trap interrupted: its interrupt flag and its context word. */
void *ring_buffer_reserve_for(u16 type, size_t size, bool irqs_on, u32 context_word);
void ring_buffer_commit(void *payload);

extern bool tracing_is_on;

/* Thread context. Copies the committed entry number @n (0: the oldest there is, counted from the last reset); false: none. */
bool ring_buffer_read(u64 n, struct ring_entry *out);
u64 ring_buffer_written(void); /* since the last reset */
u64 ring_buffer_entries(void); /* of these, still there */
void ring_buffer_reset(void);
