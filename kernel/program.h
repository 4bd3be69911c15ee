/* Programs out of the boot module's archive. */
#pragma once

#include "kernel/process.h"
#include "lib/archive.h"
#include "lib/elf.h"

/* Any context. The archive's file of that name; false, with a sentence that says why not. */
bool program_find(const char *name, struct archive_file *out, const char **why);

/*
 * Thread context. A process of the program in @f, with its first handle, 1024, of itself, with all rights; no thread yet. NULL, with a
 * sentence that says why not.
 */
struct process *program_create(const char *name, const struct archive_file *f, struct elf_program *prog,
			       const char **why);
/* Its thread, once: on a stack with @len bytes of @top at its end, whose address it is given, or 0. -errno. */
int program_begin(struct process *p, const struct elf_program *prog, const void *top, size_t len,
		  u8 priority);
/* Both, with an empty stack. */
struct process *program_start(const char *name, const struct archive_file *f, u8 priority, const char **why);
