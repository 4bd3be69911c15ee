/* The event "stack trace": who called whom, where it was taken. */
#pragma once

#include "arch/x86/entry/fentry.h"

/*
 * Any context; notrace, preemption off and a guard taken. Writes the callers of the traced function at whose entry @frame was saved,
 * it first; or with NULL those of the caller itself.
 */
void trace_stack(const struct ftrace_frame *frame);
