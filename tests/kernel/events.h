/* What the tests of events share: switching by control file, and looking for lines in the trace. */
#pragma once

#include "lib/tracepoint.h"

/* Writes @text to @file below the mount point; 0 or -errno. */
int events_write(const char *file, const char *text);
/* The whole of @file; valid until the next call. */
const char *events_read(const char *file);
/* Forgets what was recorded. */
void events_clear(void);
/* Who hooks returns, in who waits and in who goes, and who looks on, so many times; @a_while: ns until the next. */
void events_come_and_go(unsigned times, u64 (*a_while)(void));
/* How often the trace says this. */
#define events_seen(...) events_seen_in("trace", __VA_ARGS__)
/* The same of another file. */
unsigned events_seen_in(const char *file, const char *fmt, ...) __printf(2, 3);
