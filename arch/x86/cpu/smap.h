/*
 * Opening and closing the kernel's access to users' pages. Under SMAP such an access faults while the AC flag
 * is clear (SDM vol. 3, 4.6.1). Where the CPU has no SMAP the two instructions don't exist: each place holds a nop
 * until features_init() has asked the CPU (docs/TRICKS.md, "One byte makes a nop a clac").
 */
#pragma once

#include "lib/compiler.h"

/* A nop with modrm byte @modrm, listed for features_init(). */
/* clang-format off */
#define SMAP_SITE(modrm)                                                                       \
	__asm__ volatile("1:\t.byte 0x0f, 0x1f, " #modrm "\n\t"                                \
			 ".pushsection .smap_sites, \"a\", @progbits\n\t.balign 8\n\t.quad 1b" \
			 "\n\t.popsection" ::: "memory", "cc")
/* clang-format on */

/*
 * Any context, hidden code too. Between the two the kernel may touch users' pages, and so may whatever it
 * calls, but not what interrupts it: every entry stub closes, and iretq opens again. So keep it short, and don't
 * sleep in between: a thread switch doesn't carry the flag along.
 */
static __always_inline void user_access_begin(void) { SMAP_SITE(0xcb); } /* stac */
static __always_inline void user_access_end(void) { SMAP_SITE(0xca); }	 /* clac */
