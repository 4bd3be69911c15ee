/* The kernel command line: words that are flags. An unknown one is reported, not swallowed. */
#pragma once

#include "lib/types.h"

/* Boot, once, after the boot structure was read. */
void cmdline_init(const char *text);

struct cmdline {
	bool test; /* "test": the files below test/ exist */
		   /* "debug" sets debug_enabled (lib/debug.h), which lower floors ask for, too. */
};
extern struct cmdline cmdline;
