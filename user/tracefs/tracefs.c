/*
 * The server of control files: owns the handle to the kernel's instruments, and does with it what its clients ask for. What a file
 * prints comes to them by a stream of their own, not through here.
 */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "user/lib/memory.h"
#include "user/lib/message.h"
#include "user/lib/syscall.h"
#include "user/lib/trace.h"
#include "user/lib/user.h"

#define CLIENTS 16

/* Each has a badge of its own, and pages that it shares with us. When a client more comes, the one that came first must come again. */
static struct client {
	u64 badge; /* 0: none */
	char *pages;
} clients[CLIENTS];

static u32 trace(void) { return program()->given[1]; }

static struct client *find(u64 badge)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].badge == badge)
			return &clients[i];
	return NULL;
}

static s64 share(u64 badge, u32 memory)
{
	static unsigned next;
	struct client *c = find(badge) ?: &clients[next++ % CLIENTS];
	char *pages = memory_map(memory, TRACE_PAGES, RIGHT_READ);

	if (!pages)
		return -EINVAL;
	if (c->pages)
		memory_unmap(c->pages, TRACE_PAGES);
	*c = (struct client){ .badge = badge, .pages = pages };
	return 0;
}

/* @opened: a stream's handle, which the answer gives away. The kernel copies what it is told here, and checks the copy. */
static s64 serve(const struct message *m, struct client *c, u32 *opened)
{
	const u64 *w = m->words;
	u64 flags;
	s64 h;

	switch (m->label) {
	case TRACE_OPEN:
		if (w[1] > TRACE_TEXT_BYTES)
			return -E2BIG;
		h = syscall6(SYS_trace_open, trace(), (u64)c->pages + TRACE_TEXT, w[1], w[0], 0, 0);
		*opened = h < 0 ? 0 : (u32)h;
		return h < 0 ? h : 0;
	case TRACE_WRITE:
		if (w[0] > TRACE_TEXT - TRACE_PATH || w[1] > TRACE_TEXT_BYTES)
			return -E2BIG;
		return syscall6(SYS_trace_write, trace(), (u64)c->pages + TRACE_PATH, w[0],
				(u64)c->pages + TRACE_TEXT, w[1], w[2]);
	case TRACE_STAT:
		if (w[0] > TRACE_TEXT - TRACE_PATH)
			return -E2BIG;
		h = syscall_value(SYS_trace_stat, trace(), (u64)c->pages + TRACE_PATH, w[0], 0, 0, &flags);
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
	message_reply(program()->given[0], m);
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
