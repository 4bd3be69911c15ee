/* Changing stacks: the only place where a thread becomes another one. */
#pragma once

#include "lib/types.h"

struct thread;

/* Where a thread keeps its stack pointer; sched/ asserts it. */
#define THREAD_SP_OFFSET     0
#define THREAD_KILLED_OFFSET 27

/*
 * Saves this thread's registers on its stack, and goes on with @next's. Interrupts off. Returns in
 * @next, with the thread that was left.
 */
struct thread *switch_to(struct thread *prev, struct thread *next);
/* Where a new thread's stack returns to first; it calls thread_begin(prev). */
void thread_entry(void);
/* sched/'s. Doesn't return. */
void thread_begin(struct thread *prev);
