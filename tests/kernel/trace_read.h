/* The trace buffer's events by number, for tests that know what must be there. */
#pragma once

#include "trace/ring_buffer.h"

struct ring_entry {
	u64 time; /* ns */
	u16 type;
	u8 cpu, flags, preempt_count;
	s32 pid;
	u8 payload[48];
};

/* Thread context. Event number @n of those there are, of all CPUs by time; false: there are fewer. It stays. */
bool ring_buffer_read(u64 n, struct ring_entry *out);
