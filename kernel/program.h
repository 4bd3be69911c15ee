/* Programs out of the boot module's archive. */
#pragma once

#include "kernel/process.h"
#include "lib/archive.h"

/* Any context. The archive's file of that name; false, with a sentence that says why not. */
bool program_find(const char *name, struct archive_file *out, const char **why);

/*
 * Thread context. A process of the program in @f, with a thread that begins there with a stack; its first handle, 1024, is of
 * itself, with all rights. NULL, with a sentence that says why not.
 */
struct process *program_start(const char *name, const struct archive_file *f, u8 priority, const char **why);
