/*
 * Messages that can't be printed where they arise: a ring of bytes a CPU, written by whatever context the CPU is in,
 * even in the middle of another's message, and emptied by whoever holds the console.
 *
 * A place is claimed by one exchange; the message is written into it and then marked as finished. So a message in the
 * middle of another comes after it and may be finished first, but isn't printed before it.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/types.h"

/* Interrupts off. Formats into this CPU's ring; false: there is no room. */
bool ring_write(const char *fmt, va_list ap);
/* Any context. Is there nothing in CPU @cpu's ring, finished or not? Of another CPU it may be old news. */
bool ring_empty(u32 cpu);
/* Any context, a hint: does CPU @cpu's ring begin with a finished message? */
bool ring_ready(u32 cpu);
/*
 * The console's holder. Hands the finished messages of CPU @cpu that are there now to @emit, in the order of their
 * beginning, up to the first unfinished one. @all: that one and those behind it, too, as far as they are written;
 * only for a panic, when nobody writes any more.
 */
void ring_flush(u32 cpu, format_emit_fn emit, bool all);
/* Interrupts off. Those of this CPU's messages that were begun at NMI depth @depth or deeper won't be finished; how many. */
unsigned ring_abandon(unsigned depth);
