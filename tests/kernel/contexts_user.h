/* Contexts that only a user can bring a CPU into: as tests/kernel/contexts.h, where it says so; the others are events. */
#pragma once

#include "tests/kernel/contexts.h"

/* In a system call of a process's, and in an exception from user mode. */
context_fn in_syscall, in_user_exception;

/* On this CPU, thread context. One call and its answer, by the short way; not if debug_enabled(). */
void user_message(void);
/* A process writes to a page of USER_PAGE_TOUCHED that isn't mapped yet. */
#define USER_PAGE_TOUCHED 0x600000ul
void user_touches_page(void);
