/* A breakpoint in another process's text: an int3 in a page of it, or the page as it was. */
#pragma once

#include "lib/elf.h"
#include "lib/types.h"

struct breakpoint {
	u64 addr, page;
	u32 memory[2]; /* of one page: as the file has it, and with the int3 */
};

/* At @addr of the program @p. 0 or -errno; -EFAULT: nothing of it can be executed there. */
s64 breakpoint_make(struct breakpoint *b, const struct elf_program *p, u64 addr);
/*
 * From now on @process meets it, or doesn't. In between the page isn't there at all: a thread that is on it faults, and is to try
 * again.
 */
s64 breakpoint_set(const struct breakpoint *b, u32 process, bool there);
