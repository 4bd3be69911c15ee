/* "debug" on the kernel command line: checks that cost more than a kernel in use wants to pay. */
#pragma once

#include "lib/types.h"

/* Set once at boot, before anything that asks; defined in kernel/main.c. */
extern bool debug_enabled;
