/* A stack, and what to call on it. A thread that ends leaves its stack behind: those here live as long as the program. */
#include "user/lib/thread.h"

#include "abi/errno.h"
#include "user/lib/memory.h"
#include "user/lib/syscall.h"

#define STACK_PAGES 16

static void begin(void (*fn)(void *), void *arg)
{
	fn(arg);
	syscall0(SYS_thread_exit);
	__builtin_unreachable();
}

s64 thread_start(void (*fn)(void *arg), void *arg, unsigned priority)
{
	char *stack = pages_alloc(STACK_PAGES);
	u64 *top = (u64 *)(stack + STACK_PAGES * PAGE_SIZE) -
		   1; /* as if it had been called; nobody to return to */

	if (!stack)
		return -ENOMEM;
	return syscall6(SYS_process_start, 0, (u64)begin, (u64)top, (u64)fn, (u64)arg, priority);
}
