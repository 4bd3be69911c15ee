/*
 * The server of control files: owns the handle to the kernel's instruments, and does with it what its clients ask for. What a file
 * prints comes to them by a stream of their own, not through here.
 */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "user/lib/answer.h"
#include "user/lib/memory.h"
#include "user/lib/syscall.h"
#include "user/lib/trace.h"
#include "user/lib/user.h"

#define CLIENTS 16

/* Where a client's pages are, each always at the same place, so that they cost one page table; and where we look at what comes. */
#define SHARED_BYTES (TRACE_PAGES * PAGE_SIZE)
#define SHARED	     0x200000000ul
#define WINDOW	     (SHARED + CLIENTS * SHARED_BYTES)

/* Each has a badge of its own, and pages that it shares with us. When a client more comes, the one that came first must come again. */
static struct client {
	u64 badge; /* 0: none */
} clients[CLIENTS];

static u32 trace(void) { return program()->given[1]; }

static struct client *find(u64 badge)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].badge == badge)
			return &clients[i];
	return NULL;
}

static u64 pages_of(const struct client *c) { return SHARED + (u64)(c - clients) * SHARED_BYTES; }

/* Just so many pages: whoever has made them pays for them as long as we have them, and all of it that is more for nothing. */
static bool fits(u32 memory)
{
	s64 err;

	if (syscall6(SYS_space_map, 0, WINDOW, TRACE_PAGES, memory, 0, RIGHT_READ) != 0)
		return false;
	memory_unmap((void *)WINDOW, TRACE_PAGES);
	err = syscall6(SYS_space_map, 0, WINDOW, 1, memory, TRACE_PAGES, RIGHT_READ);
	if (!err)
		memory_unmap((void *)WINDOW, 1);
	return err == -EFAULT;
}

static s64 share(u64 badge, u32 memory)
{
	static unsigned next;
	struct client *c;
	s64 err;

	if (!fits(memory))
		return -EINVAL;
	c = find(badge) ?: &clients[next++ % CLIENTS];
	if (c->badge)
		memory_unmap((void *)pages_of(c), TRACE_PAGES);
	err = syscall6(SYS_space_map, 0, pages_of(c), TRACE_PAGES, memory, 0, RIGHT_READ);
	c->badge = err ? 0 : badge;
	return err;
}

/* @opened: a stream's handle, which the answer gives away. The kernel copies what it is told here, and checks the copy. */
static s64 serve(const struct message *m, struct client *c, u32 *opened)
{
	const u64 *w = m->words;
	u64 flags, pages = pages_of(c);
	s64 h;

	switch (m->label) {
	case TRACE_OPEN:
		if (w[1] > TRACE_TEXT_BYTES)
			return -E2BIG;
		h = syscall6(SYS_trace_open, trace(), pages + TRACE_TEXT, w[1], w[0], 0, 0);
		*opened = h < 0 ? 0 : (u32)h;
		return h < 0 ? h : 0;
	case TRACE_WRITE:
		if (w[0] > TRACE_TEXT - TRACE_PATH || w[1] > TRACE_TEXT_BYTES)
			return -E2BIG;
		return syscall6(SYS_trace_write, trace(), pages + TRACE_PATH, w[0], pages + TRACE_TEXT, w[1],
				w[2]);
	case TRACE_STAT:
		if (w[0] > TRACE_TEXT - TRACE_PATH)
			return -E2BIG;
		h = syscall_value(SYS_trace_stat, trace(), pages + TRACE_PATH, w[0], 0, 0, &flags);
		return h < 0 ? h : (s64)flags;
	default:
		return -ENOSYS;
	}
}

static void answer(struct message *m)
{
	struct client *c = m->badge ? find(m->badge) : NULL;
	u32 got = (u32)m->handle, opened = 0;
	s64 result;

	if (m->label == TRACE_SHARE)
		result = m->badge ? share(m->badge, got) : -EINVAL;
	else
		result = c ? serve(m, c, &opened) : -ESTALE;
	m->label = (u64)result;
	m->handle = opened;
	message_answer(program()->given[0], m);
	if (got)
		syscall3(SYS_handle_close, got, 0, 0); /* the mapping keeps the pages */
	if (opened)
		syscall3(SYS_handle_close, opened, 0, 0);
}

int main(int argc, char **argv)
{
	struct message m;
	s64 err;

	while (!(err = message_receive(program()->given[0], &m, 0)))
		answer(&m);
	return (int)err;
}
