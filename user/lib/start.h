/* What a program finds on its stack: rdi is this structure's address. Init alone finds a struct boot_handles there. */
#pragma once

#include "lib/types.h"

#define START_GIVEN 6

struct program_start {
	u32 self;		/* the process, all rights */
	u32 names;		/* where servers are asked for (user/lib/names.h) */
	u32 out;		/* where it prints (user/lib/console.h); 0: to the kernel */
	u32 given[START_GIVEN]; /* what else this program is to have, as it knows */
	u32 argc;
	u64 archive_bytes; /* of given[0], when that is the boot module */
	u64 script_bytes;  /* of given[1], when that is a script */
	char *argv[];
};
