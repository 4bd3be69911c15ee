/* Ranges of I/O ports as objects: who has a handle of one may use these ports, by system call, and no others. */
#pragma once

#include "kernel/object.h"

struct ports {
	struct object object;
	u16 first, count;
	bool console; /* the first is the console's line, which the kernel's messages go to as well */
};

/* Thread context. With one reference; NULL: no memory. */
struct ports *ports_create(u16 first, u16 count);
/* Thread context. @bytes: 1, 2 or 4. -EINVAL: another size; -EFAULT: not all of it is in the range. */
int ports_in(const struct ports *p, u64 port, u64 bytes, u32 *value);
int ports_out(const struct ports *p, u64 port, u64 bytes, u32 value);
