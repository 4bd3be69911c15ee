/* Where things are mapped: one behind the other, a page apart; addresses aren't used twice, there are enough. */
#include "user/lib/memory.h"

#include "user/lib/syscall.h"

static u64 next = 0x100000000;

void *memory_map(u32 memory, size_t pages, u32 rights)
{
	u64 at = __atomic_fetch_add(&next, (pages + 1) * PAGE_SIZE, __ATOMIC_RELAXED);

	return syscall6(SYS_space_map, 0, at, pages, memory, 0, rights) ? NULL : (void *)at;
}

void memory_unmap(void *at, size_t pages) { syscall3(SYS_space_unmap, 0, (u64)at, pages); }

void *pages_share(size_t pages, u32 *memory)
{
	s64 h = syscall3(SYS_memory_create, pages, 0, 0);
	void *at;

	if (h < 0)
		return NULL;
	at = memory_map((u32)h, pages, RIGHT_READ | RIGHT_WRITE);
	if (at)
		*memory = (u32)h;
	else
		syscall3(SYS_handle_close, (u64)h, 0, 0);
	return at;
}

void *pages_alloc(size_t pages)
{
	u32 memory;
	void *at = pages_share(pages, &memory);

	if (at)
		syscall3(SYS_handle_close, memory, 0, 0); /* the mapping keeps it */
	return at;
}
