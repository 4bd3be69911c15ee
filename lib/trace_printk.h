/* Notes to the trace buffer, where printk would be too slow or say too much. Defined in trace/. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

/* Where we are. */
#define THIS_IP                                          \
	({                                               \
		u64 _ip;                                 \
                                                         \
		__asm__("lea 0(%%rip), %0" : "=r"(_ip)); \
		_ip;                                     \
	})

/*
 * How an argument is kept: 1, a word; 2, two; 3, its text. The types are known to the compiler, so that nobody reads the
 * format before somebody reads the trace. A char * is a text, also for %p: cast it there.
 */
#define TRACE_ARG(x) \
	(_Generic((x), char * : 3u, const char * : 3u, default : 1u + (sizeof(__typeof__(x)) == 8)))
#define TRACE_ARGS0()						 0u
#define TRACE_ARGS1(a)						 TRACE_ARG(a)
#define TRACE_ARGS2(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS1(__VA_ARGS__))
#define TRACE_ARGS3(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS2(__VA_ARGS__))
#define TRACE_ARGS4(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS3(__VA_ARGS__))
#define TRACE_ARGS5(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS4(__VA_ARGS__))
#define TRACE_ARGS6(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS5(__VA_ARGS__))
#define TRACE_ARGS7(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS6(__VA_ARGS__))
#define TRACE_ARGS8(a, ...)					 (TRACE_ARG(a) + 4 * TRACE_ARGS7(__VA_ARGS__))
#define TRACE_ARGS_NAME(none, a, b, c, d, e, f, g, h, name, ...) name
#define TRACE_ARGS(...)                                                                                   \
	TRACE_ARGS_NAME(, ##__VA_ARGS__, TRACE_ARGS8, TRACE_ARGS7, TRACE_ARGS6, TRACE_ARGS5, TRACE_ARGS4, \
			TRACE_ARGS3, TRACE_ARGS2, TRACE_ARGS1, TRACE_ARGS0)                               \
	(__VA_ARGS__)
#define TRACE_PRINTK_ARGS 8
#define TRACE_PRINTK_MAX  256 /* bytes of arguments; texts are cut to fit */

/*
 * Any context. An event that shows as "FUNCTION: TEXT" in the trace; a newline at the end needn't be there. Nothing
 * while recording, or the option trace_printk, is off. @fmt is a literal, and there are up to TRACE_PRINTK_ARGS.
 */
#define trace_printk(fmt, ...) trace_printk_at(THIS_IP, TRACE_ARGS(__VA_ARGS__), "" fmt, ##__VA_ARGS__)
#define trace_puts(text)       trace_printk("%s", text)
void trace_printk_at(u64 ip, u32 args, const char *fmt, ...) __printf(3, 4);
