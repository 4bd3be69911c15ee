/* One kernel object of each kind that a handle may lead to, for tests that try them all. */
#pragma once

#include "tests/kernel/user_process.h"

/* OBJECT_THREAD: no handle leads to one. */
#define USER_OBJECTS (OBJECT_STREAM + 1)

struct user_objects {
	struct object *of[USER_OBJECTS]; /* by type; NULL: there is none */
};

/*
 * Thread context. False, with a failure reported: no memory. The process is empty, the stream of a file of some length, the port
 * COM1's scratch register, the interrupt line nobody's.
 */
bool user_objects_make(struct user_objects *o);
/* Each system call has a row, or is one of the @n @without: or it is reported. @seen, by number: it has a row. */
void expect_all_calls(bool *seen, const u8 *without, size_t n);
/* All references go. */
void user_objects_drop(struct user_objects *o);
/* A handle of one of them for @u's process; a failure is reported. */
u64 user_objects_give(const struct user_objects *o, struct user_process *u, enum object_type type,
		      u32 rights);
