/*
 * Streams: text that a thread of the kernel prints, of a control file or a command, and a process takes at its own pace.
 *
 * What is printed under a lock, as most files are, is kept until it is taken; what is long (trace, trace_pipe) or comes from a
 * command waits for room.
 */
#pragma once

#include "abi/stream.h"
#include "kernel/object.h"
#include "lib/seq.h"
#include "sched/mutex.h"
#include "sched/work.h"

#define STREAM_ROOM 0x10000ul  /* bytes kept for who takes them */
#define STREAM_MOST 0x400000ul /* ... when it can't wait */

struct text_ring {
	char *buf;
	size_t size; /* a power of two */
	u64 in, out;
};

struct stream {
	struct object object;
	struct seq seq; /* what it prints to */
	u32 kind;
	u32 open;	      /* handles */
	struct spinlock lock; /* for the text */
	struct text_ring text;
	struct wait_queue readable, writable;
	struct mutex reader; /* whoever takes some */
	bool deserted;	     /* nobody will take any more */
	bool ended;
	int result;
	struct thread *thread;
	struct work reap;
	size_t len;
	char words[]; /* @len bytes, and a NUL */
};

/* Thread context. With one reference, not running; NULL: no memory. @kind and the text as abi/stream.h says. */
struct stream *stream_create(u32 kind, size_t len);
/* Thread context, once, with the text in its place, and a handle there. -ENOMEM. */
int stream_start(struct stream *s);
/*
 * Thread context of a user's thread. Waits until there is something, or its end, to copy at most @bytes to the user's @to; how
 * many; 0 at the end. -errno: what the file or command ended with; -EFAULT: as copy_to_user(); -ETIMEDOUT: nothing until @deadline
 * (ns of trace_clock()); -EINTR: the thread is to end.
 */
s64 stream_read(struct stream *s, u64 to, size_t bytes, u64 deadline);
/* Task or hardirq context. */
void stream_interrupt(struct stream *s);

/*
 * The command with these words, each with a NUL behind it, prints to @out, when nobody else runs it any more. -ENOENT: there is none;
 * -E2BIG: too many words; -EINTR: @out was closed before that; else its own.
 */
int command_run(char *words, size_t len, struct seq *out);
/* Task or hardirq context. Some command's @out has been closed. */
void command_interrupted(void);
