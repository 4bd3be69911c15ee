/* What a console is asked for, be it the server or a shell that collects what its programs print. */
#pragma once

#include "user/lib/message.h"

#define CONSOLE_BYTES sizeof(((struct message *)0)->words)

/* The label's low byte. The answer's label is a number, or -errno. */
#define CONSOLE_WRITE 1 /* above it how many bytes; the words are the text */
/* The next two are for whom init gave the console; -EACCES: others. */
#define CONSOLE_READ \
	2 /* waits; the answer: how many bytes, in the words. -EBUSY: somebody else came to wait */
#define CONSOLE_INTERRUPT \
	3 /* ^C sets bit 0 of the notification given along, instead of being a byte; without one, it is one again */
#define CONSOLE_LABEL(op, bytes) ((op) | (u64)(bytes) << 8)

/* All of it, a piece a call. 0 or -errno. */
s64 console_write_to(u32 console, const char *text, size_t len);
/* Waits for bytes, CONSOLE_BYTES at most: how many, or -errno. */
s64 console_read_from(u32 console, char *text);
/* @notification: its handle, or 0. */
s64 console_interrupt_by(u32 console, u32 notification);
