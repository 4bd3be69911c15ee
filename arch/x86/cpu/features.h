/* What this CPU has, and the text that depends on it. */
#pragma once

#include "lib/types.h"

/*
 * Boot, once, when text can be poked, before there are other CPUs or users: makes the listed nops stac and
 * clac where there is SMAP. Panics when a site isn't what it should be.
 */
void features_init(void);

/* Boot and later, any context. Is it QEMU's TCG, which translates? (CPUID, leaf 0x40000000.) */
bool cpu_is_tcg(void);
/* The same: has the CPU SMAP? */
bool cpu_has_smap(void);
