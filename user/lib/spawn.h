/* Starting another program: from a file's bytes to a process. */
#pragma once

#include "user/lib/start.h"

struct spawn {
	const char *name; /* the process's */
	const u8 *file;	  /* an ELF file, of so many bytes */
	size_t bytes;
	unsigned priority, ceiling; /* and the highest that it may give; 0: the same */
	u32 names, out;		/* handles of ours, of which it gets one with the right to send; 0: none */
	u32 given[START_GIVEN]; /* and what else it gets, with these rights */
	u32 rights[START_GIVEN];
	u64 archive_bytes, script_bytes;
	u32 faults; /* an endpoint for its faults; 0: none */
	u32 watch;  /* a notification, and its bits, for its end; 0: none */
	u64 watch_bits;
	s64 (*before)(
		u32 process); /* called when all is there but its first thread; NULL: nobody. Not 0: it doesn't begin */
	int argc;
	char **argv;
};

/* The process's handle, with all rights. Else -errno, and, when the file is no program, a sentence in *@why, else NULL there. */
s64 spawn(const struct spawn *s, const char **why);
