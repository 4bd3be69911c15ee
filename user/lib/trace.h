/* The control files and the kernel's commands, by way of the server "tracefs", which owns the handle that they want. */
#pragma once

#include "abi/stream.h"
#include "lib/types.h"

/*
 * What the server is asked for: the label. The text lies in pages that the client shares with it, given once; the answer's label is
 * 0 or more, or -errno. -ESTALE for who has given none: the server is another one now.
 */
enum {
	TRACE_SHARE = 1, /* the handle of TRACE_PAGES pages */
	TRACE_OPEN,	 /* (kind, bytes of text): the stream's handle */
	TRACE_WRITE,	 /* (bytes of path, bytes of text, append) */
	TRACE_STAT,	 /* (bytes of path): its flags */
};

#define TRACE_PAGES	 4ul
#define TRACE_PATH	 0ul /* where in them the path is */
#define TRACE_TEXT	 4096ul
#define TRACE_TEXT_BYTES (3 * 4096ul)

/* A stream of the file or directory with that absolute path, or of the command line: its handle, or -errno. */
s64 trace_open(const char *text, size_t len, unsigned kind);
/* One write. 0 or -errno. */
s64 trace_write(const char *path, const char *text, size_t len, bool append);
/* All of a file, with a NUL behind it: how many bytes, or -errno; -E2BIG: it has more than @size. */
s64 trace_read(const char *path, char *buf, size_t size);
/* TRACE_DIRECTORY and so on, or -errno. */
s64 trace_stat(const char *path);
