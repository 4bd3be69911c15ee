/* Each handle that a system call takes, by table: one that is none, or is no more, or of something else, or lacks a right. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/stream.h"
#include "abi/syscall.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "tests/kernel/user_objects.h"

/* In a row's arguments: a handle of such an object, with all rights. */
#define HANDLE(type) (0xbad0000000000000 | (type))
#define DONT_WAIT    (IPC_DONT_WAIT << IPC_TIMEOUT_SHIFT)

#define ANY 0 /* type */

/*
 * Which argument is a handle, of what, with which rights at least; what is above it in its register; and the others. These are such
 * that a call which is let through does little: it fails, or takes what is there.
 */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order in which one reads it */
static const struct row {
	u64 number;
	unsigned arg, type, rights;
	u64 args[6];
	u64 above;
	bool own; /* 0 is the caller's own process */
} rows[] = {
	{ SYS_handle_close, 0, ANY, 0, { 0 }, 0, false },
	{ SYS_handle_duplicate, 0, ANY, RIGHT_DUPLICATE, { 0 }, 0, false },
	{ SYS_memory_seal, 0, OBJECT_MEMORY, RIGHT_MANAGE, { 0 }, 0, false },
	{ SYS_space_map,
	  0,
	  OBJECT_PROCESS,
	  RIGHT_MANAGE,
	  { 0, PAGE_SIZE, 0, HANDLE(OBJECT_MEMORY), 0, MAP_READ },
	  0,
	  true },
	{ SYS_space_map, 3, OBJECT_MEMORY, RIGHT_READ, { 0, PAGE_SIZE, 0, 0, 0, MAP_READ }, 0, false },
	{ SYS_space_map,
	  3,
	  OBJECT_MEMORY,
	  RIGHT_READ | RIGHT_WRITE,
	  { 0, PAGE_SIZE, 0, 0, 0, MAP_READ | MAP_WRITE },
	  0,
	  false },
	{ SYS_space_map,
	  3,
	  OBJECT_MEMORY,
	  RIGHT_READ | RIGHT_EXECUTE,
	  { 0, PAGE_SIZE, 0, 0, 0, MAP_READ | MAP_EXECUTE },
	  0,
	  false },
	{ SYS_space_unmap, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0 }, 0, true },
	{ SYS_space_protect, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0 }, 0, true },
	{ SYS_space_read, 0, OBJECT_PROCESS, RIGHT_READ, { 0 }, 0, true },
	{ SYS_endpoint_bind,
	  0,
	  OBJECT_ENDPOINT,
	  RIGHT_RECEIVE | RIGHT_MANAGE,
	  { 0, HANDLE(OBJECT_NOTIFICATION) },
	  0,
	  false },
	{ SYS_endpoint_bind, 1, OBJECT_NOTIFICATION, RIGHT_RECEIVE, { HANDLE(OBJECT_ENDPOINT) }, 0, false },
	{ SYS_ipc_call, 0, OBJECT_ENDPOINT, RIGHT_SEND, { 0 }, DONT_WAIT, false },
	{ SYS_ipc_receive, 0, OBJECT_ENDPOINT, RIGHT_RECEIVE, { 0 }, DONT_WAIT, false },
	{ SYS_ipc_reply, 0, OBJECT_ENDPOINT, RIGHT_RECEIVE, { 0 }, DONT_WAIT, false },
	{ SYS_ipc_reply_receive, 0, OBJECT_ENDPOINT, RIGHT_RECEIVE, { 0 }, DONT_WAIT, false },
	{ SYS_notification_signal, 0, OBJECT_NOTIFICATION, RIGHT_SEND, { 0, 1 }, 0, false },
	{ SYS_notification_wait, 0, OBJECT_NOTIFICATION, RIGHT_RECEIVE, { 0, 1 }, 0, false },
	{ SYS_process_give, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0, HANDLE(OBJECT_MEMORY) }, 0, true },
	{ SYS_process_give, 1, ANY, RIGHT_DUPLICATE, { 0 }, 0, false },
	{ SYS_process_start, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0 }, 0, true },
	{ SYS_process_faults, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0, HANDLE(OBJECT_ENDPOINT) }, 0, true },
	{ SYS_process_faults, 1, OBJECT_ENDPOINT, RIGHT_SEND, { 0 }, 0, false },
	{ SYS_process_watch, 0, OBJECT_PROCESS, RIGHT_READ, { 0, HANDLE(OBJECT_NOTIFICATION) }, 0, true },
	{ SYS_process_watch, 1, OBJECT_NOTIFICATION, RIGHT_SEND, { 0 }, 0, false },
	{ SYS_process_status, 0, OBJECT_PROCESS, RIGHT_READ, { 0 }, 0, true },
	{ SYS_process_kill, 0, OBJECT_PROCESS, RIGHT_MANAGE, { 0 }, 0, true },
	{ SYS_ports_in, 0, OBJECT_PORTS, RIGHT_READ, { 0 }, 0, false },
	{ SYS_ports_out, 0, OBJECT_PORTS, RIGHT_WRITE, { 0 }, 0, false },
	{ SYS_irq_bind, 0, OBJECT_IRQ, RIGHT_MANAGE, { 0, HANDLE(OBJECT_NOTIFICATION) }, 0, false },
	{ SYS_irq_bind, 1, OBJECT_NOTIFICATION, RIGHT_SEND, { HANDLE(OBJECT_IRQ) }, 0, false },
	{ SYS_irq_done, 0, OBJECT_IRQ, RIGHT_RECEIVE, { 0 }, 0, false },
	{ SYS_trace_open, 0, OBJECT_TRACE, RIGHT_READ, { 0, 0, 1, STREAM_FILE }, 0, false },
	{ SYS_trace_open, 0, OBJECT_TRACE, RIGHT_READ, { 0, 0, 1, STREAM_DIRECTORY }, 0, false },
	{ SYS_trace_open, 0, OBJECT_TRACE, RIGHT_READ | RIGHT_WRITE, { 0, 0, 1, STREAM_COMMAND }, 0, false },
	{ SYS_trace_write, 0, OBJECT_TRACE, RIGHT_WRITE, { 0 }, 0, false },
	{ SYS_trace_stat, 0, OBJECT_TRACE, RIGHT_READ, { 0 }, 0, false },
	{ SYS_stream_read, 0, OBJECT_STREAM, RIGHT_READ, { 0 }, 0, false },
	{ SYS_stream_interrupt, 0, OBJECT_STREAM, RIGHT_MANAGE, { 0 }, 0, false },
	{ SYS_machine_exit, 0, OBJECT_TRACE, RIGHT_MANAGE, { 0 }, 0, false },
};

static const u8 without[] = {
	SYS_null,
	SYS_print,
	SYS_clock,
	SYS_yield,
	SYS_memory_create,
	SYS_endpoint_create,
	SYS_notification_create,
	SYS_process_create,
	SYS_thread_exit,
};

KTEST(privilege, each_call_has_a_row_or_takes_no_handle)
{
	bool seen[NR_SYSCALLS] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		seen[rows[i].number] = true;
	expect_all_calls(seen, without, ARRAY_SIZE(without));
}

/* What a row is tried with. */
struct attempts {
	const struct row *row;
	const struct user_objects *objects;
	struct user_process u;
	u64 args[6];
	struct user_call calls[24];
	s64 want[24]; /* 1: anything but what a handle is refused with */
	unsigned n;
};

static void attempt(struct attempts *a, u64 handle, s64 want)
{
	struct user_call *c = &a->calls[a->n];

	*c = (struct user_call){ .number = a->row->number };
	memcpy(c->args, a->args, sizeof(a->args));
	c->args[a->row->arg] = handle | a->row->above;
	a->want[a->n++] = want;
}

static u64 give(struct attempts *a, unsigned type, u32 rights)
{
	return user_objects_give(a->objects, &a->u, (enum object_type)type, rights);
}

/* Numbers that are no handles of his: never one, one no more, one with bits above. */
static void attempt_none(struct attempts *a, u64 good)
{
	u64 gone = give(a, OBJECT_ENDPOINT, RIGHTS_ALL);

	EXPECT_EQ(handle_close(&a->u.process->handles, (u32)gone), 0);
	attempt(a, gone, -EBADF);
	if (!a->row->own)
		attempt(a, 0, -EBADF);
	attempt(a, HANDLES_MAX - 1, -EBADF);
	attempt(a, good + (1 << 10), -EBADF); /* the next to have its place */
	attempt(a, 0xffffffff, -EBADF);
	if (!a->row->above)
		attempt(a, good | 1ul << 32, -EBADF);
}

static void attempt_all(struct attempts *a)
{
	unsigned type = a->row->type ?: OBJECT_NOTIFICATION;

	attempt_none(a, give(a, type, RIGHTS_ALL));
	for (unsigned other = OBJECT_PROCESS; a->row->type && other < USER_OBJECTS; other++)
		if (other != type && other != OBJECT_THREAD)
			attempt(a, give(a, other, RIGHTS_ALL), -EINVAL);
	for (u32 right = 1; right < RIGHTS_ALL; right <<= 1)
		if (a->row->rights & right)
			attempt(a, give(a, type, RIGHTS_ALL & ~right), -EACCES);
	if (a->row->number != SYS_machine_exit)
		attempt(a, give(a, type, a->row->rights), 1);
}

static bool as_wanted(const struct attempts *a, unsigned i)
{
	s64 result = (s64)a->calls[i].result;

	return a->want[i] == 1 ? result != -EBADF && result != -EACCES : result == a->want[i];
}

static void try(const struct row *r, const struct user_objects *o)
{
	static struct attempts a;

	a = (struct attempts){ .row = r, .objects = o };
	if (!user_process(&a.u, "handles"))
		return;
	for (unsigned i = 0; i < 6; i++)
		a.args[i] = r->args[i] >> 48 == HANDLE(0) >> 48
				    ? give(&a, (unsigned)(r->args[i] & 0xff), RIGHTS_ALL)
				    : r->args[i];
	attempt_all(&a);
	EXPECT_EQ(user_process_calls(&a.u, a.calls, a.n), 0);
	for (unsigned i = 0; i < a.n; i++)
		if (!as_wanted(&a, i))
			ktest_fail("row", (int)(r - rows), "the result of the call with that handle",
				   a.calls[i].result, a.calls[i].args[r->arg]);
}

KTEST(privilege, a_handle_must_be_one_of_its_kind_with_its_rights)
{
	struct user_objects o;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && user_objects_make(&o); i++) {
		try(&rows[i], &o);
		user_objects_drop(&o);
	}
	user_processes_settle();
}
