/* "debug" on the kernel command line: checks that cost more than a kernel in use wants to pay. */
#pragma once

#include "lib/static_key.h"

/* Switched on at boot; tests switch it, too. */
extern struct static_key debug_key;

static __always_inline bool debug_enabled(void) { return static_branch_unlikely(&debug_key); }
