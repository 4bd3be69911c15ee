/* The end of the road: for the impossible only. Expected errors are negative errno values. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

/* Any context. Prints registers, backtrace and the black box's tail, and ends the machine with status 2. */
void __noreturn panic(const char *fmt, ...) __printf(1, 2);

/*
 * Any context. Something is wrong, but not past mending: the sentence, the context, a backtrace and the black box's
 * tail go to the log, and everything goes on. kernel/'s.
 */
void warn(const char *fmt, ...) __printf(1, 2);

/* Any context but NMI-like. Bit n of @cpus: what CPU n is doing this moment, asked by NMI, goes to the log. kernel/'s. */
void warn_cpus(u32 cpus);

#define BUG_ON(cond)                                                                         \
	do {                                                                                 \
		if (unlikely(cond))                                                          \
			panic("BUG: %s at %s:%d (%s)", #cond, __FILE__, __LINE__, __func__); \
	} while (0)
