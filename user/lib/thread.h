/* More threads of this program. */
#pragma once

#include "lib/types.h"

#define PRIORITY_SHELL	 8
#define PRIORITY_WATCH	 9 /* what the shell itself doesn't keep from running */
#define PRIORITY_SERVER	 12
#define PRIORITY_CONSOLE 14

/* A thread that calls @fn, with a stack of its own, and ends when that returns. 0 or -errno. */
s64 thread_start(void (*fn)(void *arg), void *arg, unsigned priority);
