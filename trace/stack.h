/* The event "stack trace": who called whom, where it was taken. */
#pragma once

#include "arch/x86/entry/fentry.h"

/*
 * Any context; notrace, preemption off and a guard taken. Writes the callers of the traced function at whose entry @frame was saved,
 * it first; or with NULL those of the caller itself.
 */
void trace_stack(const struct ftrace_frame *frame);

/* The option "stacktrace". */
extern bool trace_stack_wanted;
void trace_stack_of_event(void);
/* Any context, after an event that isn't a function's was committed, by the function that was called to record it: with its caller's stack, if that is wanted. */
static __always_inline void trace_stack_if_wanted(void)
{
	if (unlikely(READ_ONCE(trace_stack_wanted)))
		trace_stack_of_event();
}
