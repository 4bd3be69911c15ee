/*
 * The registers that only users have: x87, MMX and SSE. The kernel is compiled without, so whoever runs next in it leaves them as
 * they are; they are exchanged when a user's thread is switched to.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/types.h"

/* As fxsave has it (SDM vol. 1, 10.5.1). */
struct fpu_state {
	u8 bytes[512];
} __aligned(16);

/* Each CPU: users may use them; AVX stays off, since fxsave doesn't save it. */
void fpu_init_cpu(void);

/* As after a reset: all exceptions masked, precision and rounding as C wants them. */
static inline void fpu_state_init(struct fpu_state *s)
{
	memset(s, 0, sizeof(*s));
	*(u16 *)&s->bytes[0] = 0x37f;	/* FCW */
	*(u32 *)&s->bytes[24] = 0x1f80; /* MXCSR */
}

static __always_inline void fpu_save(struct fpu_state *s) { __asm__ volatile("fxsave64 %0" : "=m"(*s)); }
static __always_inline void fpu_load(const struct fpu_state *s)
{
	__asm__ volatile("fxrstor64 %0" : : "m"(*s));
}
