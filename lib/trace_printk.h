/* Notes to the trace buffer, where printk would be too slow or say too much. Defined in trace/. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

/* Where we are. */
#define THIS_IP           \
	({                \
		__label__ here; \
	here:             \
		(u64) && here;  \
	})

/*
 * Any context. An event that shows as "FUNCTION: TEXT" in the trace; a newline at the end needn't be there. Nothing
 * while recording, or the option trace_printk, is off. Longer texts than TRACE_PRINTK_MAX are cut.
 */
#define TRACE_PRINTK_MAX       256
#define trace_printk(fmt, ...) trace_printk_at(THIS_IP, fmt, ##__VA_ARGS__)
void trace_printk_at(u64 ip, const char *fmt, ...) __printf(2, 3);
/* The same for a text as it is, at less than half the cost; as long as one event can be. */
#define trace_puts(text) trace_puts_at(THIS_IP, text)
void trace_puts_at(u64 ip, const char *text);
