/*
 * Random system calls, most of them nearly right: what each takes is in a table, and out of its own kind three times of four. So
 * they come far into the kernel, and are wrong in one place only.
 */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/stream.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/crashme/crashme.h"
#include "user/lib/memory.h"
#include "user/lib/message.h"
#include "user/lib/syscall.h"

/* Kinds of arguments. */
enum kind {
	NONE, /* anything */
	PROCESS,
	ENDPOINT,
	NOTIFICATION,
	MEMORY,
	IRQ,
	PORTS,
	TRACE,
	STREAM,
	HANDLE,		/* any of these */
	OWN_OR_PROCESS, /* 0 is this process */
	WAITED,		/* an endpoint, and how long to wait for it */
	RIGHTS,
	MAP_RIGHTS,
	ADDRESS, /* of a page */
	PAGES,
	FIRST, /* page */
	TEXT,  /* to read from, or write to */
	BYTES,
	PATH,
	PATH_BYTES,
	STREAM_KIND,
	WAIT, /* microseconds, few */
	PORT,
	WIDTH,
	CODE,
	STACK,
	PRIORITY,
	SMALL,
};

/* clang-format off */
static const u8 takes[NR_SYSCALLS][6] = {
	[SYS_print] = { TEXT, NONE }, /* see below */
	[SYS_handle_close] = { HANDLE },
	[SYS_handle_duplicate] = { HANDLE, RIGHTS, SMALL },
	[SYS_memory_create] = { PAGES },
	[SYS_memory_seal] = { MEMORY },
	[SYS_space_map] = { OWN_OR_PROCESS, ADDRESS, PAGES, MEMORY, FIRST, MAP_RIGHTS },
	[SYS_space_unmap] = { OWN_OR_PROCESS, ADDRESS, PAGES },
	[SYS_space_protect] = { OWN_OR_PROCESS, ADDRESS, PAGES, MAP_RIGHTS },
	[SYS_endpoint_bind] = { ENDPOINT, NOTIFICATION },
	[SYS_ipc_call] = { WAITED }, [SYS_ipc_receive] = { WAITED },
	[SYS_ipc_reply] = { WAITED }, [SYS_ipc_reply_receive] = { WAITED },
	[SYS_notification_signal] = { NOTIFICATION, SMALL },
	[SYS_notification_wait] = { NOTIFICATION, WAIT },
	[SYS_process_create] = { TEXT, SMALL },
	[SYS_process_give] = { OWN_OR_PROCESS, HANDLE, RIGHTS, SMALL },
	[SYS_process_start] = { OWN_OR_PROCESS, CODE, STACK, SMALL, SMALL, PRIORITY },
	[SYS_process_faults] = { PROCESS, ENDPOINT },
	[SYS_process_watch] = { PROCESS, NOTIFICATION, SMALL },
	[SYS_process_status] = { PROCESS },
	[SYS_process_kill] = { PROCESS, SMALL },
	[SYS_ports_in] = { PORTS, PORT, WIDTH },
	[SYS_ports_out] = { PORTS, PORT, WIDTH, SMALL },
	[SYS_irq_bind] = { IRQ, NOTIFICATION, SMALL },
	[SYS_irq_done] = { IRQ },
	[SYS_trace_open] = { TRACE, PATH, PATH_BYTES, STREAM_KIND },
	[SYS_trace_write] = { TRACE, PATH, PATH_BYTES, TEXT, BYTES, SMALL },
	[SYS_trace_stat] = { TRACE, PATH, PATH_BYTES },
	[SYS_stream_read] = { STREAM, TEXT, BYTES, WAIT },
	[SYS_stream_interrupt] = { STREAM },
	[SYS_machine_exit] = { TRACE, SMALL },
	[SYS_space_read] = { OWN_OR_PROCESS, TEXT, TEXT, BYTES },
};
/* clang-format on */

static const u64 interesting[] = {
	0,
	1,
	2,
	7,
	8,
	63,
	127,
	255,
	4095,
	4096,
	4097,
	0x400000,
	0x400001,
	0x7ffffffff000,
	0x7fffffffe000,
	0x800000000000,
	0x8000000000000000,
	0xffff888000100000,
	0xffffc90000000000,
	0xffffffff80100000,
	0xffffffffa0000000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7fffffffffffffff,
	~0ul,
};

#define SCRATCH	      0x60000000ul /* where random mappings go */
#define SCRATCH_PAGES 16
#define POOL	      48

struct crasher {
	const struct crash_start *start;
	u64 random;
	u64 mapped;	 /* last, in its own space */
	u64 token, from; /* of who waits for an answer, perhaps, and where it was received */
	struct {
		u32 handle;
		u8 kind;
	} pool[POOL];
	char text[256], path[64];
};

static u64 next(struct crasher *c) /* xorshift64* (Vigna) */
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return c->random * 0x2545f4914f6cdd1d >> 16;
}

static bool one_in(struct crasher *c, u32 n) { return next(c) % n == 0; }

static u32 some_handle(struct crasher *c, u8 kind)
{
	u64 from = next(c);

	for (u32 i = 0; i < POOL; i++) {
		u64 at = (from + i) % POOL;

		if (c->pool[at].handle && (c->pool[at].kind == kind || kind == HANDLE))
			return c->pool[at].handle;
	}
	return (u32)from;
}

/* What was there before is closed, mostly: now and then the table fills. */
static void keep(struct crasher *c, u32 handle, u8 kind)
{
	u64 at = next(c) % POOL;

	if (c->pool[at].handle && !one_in(c, 8))
		syscall3(SYS_handle_close, c->pool[at].handle, 0, 0);
	c->pool[at].handle = handle;
	c->pool[at].kind = kind;
}

/* What the kernel alone can give is had again when all have been closed: duplicated in time. */
static void keep_given(struct crasher *c, u32 handle, u8 kind)
{
	u32 rights = kind == TRACE ? RIGHTS_ALL & ~RIGHT_MANAGE : RIGHTS_ALL;
	s64 h = syscall3(SYS_handle_duplicate, handle, rights, 0);

	if (h > 0)
		keep(c, (u32)h, kind);
}

static u64 path(struct crasher *c)
{
	static const char *const paths[] = { "/sys/kernel/tracing/tracing_on",
					     "/sys/kernel/tracing/trace_marker",
					     "/sys/kernel/tracing/README",
					     "/sys/kernel/tracing",
					     "/sys/kernel/tracing/nosuch",
					     "version",
					     "" };

	strscpy(c->path, paths[next(c) % ARRAY_SIZE(paths)], sizeof(c->path));
	return (u64)c->path;
}

static u64 few(struct crasher *c, u64 most) { return next(c) % most; }

static u64 wait_for(struct crasher *c) { return one_in(c, 3) ? 1 + few(c, 3000) : IPC_DONT_WAIT; }

static void thread(void) { syscall0(SYS_thread_exit); }

static u64 right(struct crasher *c, u8 kind)
{
	static const u8 rights[] = { 1, 3, 3, 5, 0, 7 };

	switch (kind) {
	case OWN_OR_PROCESS:
		return one_in(c, 4) ? 0 : some_handle(c, PROCESS);
	case WAITED:
		/* Where the others are, too. */
		return (one_in(c, 3) ? some_handle(c, ENDPOINT) : c->start->endpoint) |
		       wait_for(c) << IPC_TIMEOUT_SHIFT;
	case PROCESS ... HANDLE:
		return some_handle(c, kind);
	case RIGHTS:
		return one_in(c, 2) ? RIGHTS_ALL : few(c, RIGHTS_ALL + 1);
	case MAP_RIGHTS:
		return rights[next(c) % ARRAY_SIZE(rights)];
	case ADDRESS:
		return SCRATCH + few(c, SCRATCH_PAGES) * PAGE_SIZE;
	case PAGES:
		return one_in(c, 3) ? 1 + few(c, 4) : 1;
	case FIRST:
		return few(c, 2);
	case TEXT:
		return (u64)c->text;
	case BYTES:
		return few(c, sizeof(c->text) + 1);
	case PATH:
		return path(c);
	case PATH_BYTES:
		return strlen(c->path);
	case STREAM_KIND:
		return few(c, 3);
	case WAIT:
		return wait_for(c);
	case PORT:
		return 0x3fe + few(c, 3);
	case WIDTH:
		return 1ul << few(c, 2);
	case CODE:
		return (u64)thread;
	case STACK:
		return SCRATCH + PAGE_SIZE - 8;
	case PRIORITY:
		return 1 + few(c, 8);
	default:
		return few(c, 17);
	}
}

static u64 argument(struct crasher *c, u8 kind)
{
	if (kind == WAIT) /* whoever waits for ever does nothing more */
		return wait_for(c);
	if (kind == WAITED && one_in(c, 16))
		return (u32)argument(c, NONE) | wait_for(c) << IPC_TIMEOUT_SHIFT;
	if (kind == WAITED || (kind != NONE && !one_in(c, 16)))
		return right(c, kind);
	switch (few(c, 3)) {
	case 0:
		return interesting[next(c) % ARRAY_SIZE(interesting)];
	case 1:
		return some_handle(c, HANDLE);
	default:
		return next(c) << 16 ^ next(c);
	}
}

/* What a call that succeeded has made, or received. */
static void made(struct crasher *c, u64 number, s64 result)
{
	static const u8 kinds[NR_SYSCALLS] = {
		[SYS_handle_duplicate] = HANDLE,  [SYS_memory_create] = MEMORY,
		[SYS_endpoint_create] = ENDPOINT, [SYS_notification_create] = NOTIFICATION,
		[SYS_process_create] = PROCESS,	  [SYS_trace_open] = STREAM,
	};

	if (kinds[number] && result > 0)
		keep(c, (u32)result, kinds[number]);
}

/* Mostly none; one that stays its giver's, too; memory, for good, which all CPUs are interrupted for; something else for good. */
static u64 to_give(struct crasher *c)
{
	if (one_in(c, 2))
		return 0;
	if (!one_in(c, 8))
		return some_handle(c, HANDLE);
	return one_in(c, 8) ? some_handle(c, HANDLE) | next(c) << 32 : some_handle(c, MEMORY) | IPC_GRANT;
}

/* Who receives answers, mostly: others wait for that. */
static s64 message(struct crasher *c, u64 number, u64 where)
{
	struct message m = { .label = next(c), .token = one_in(c, 8) ? next(c) : c->token };
	u64 given = to_give(c);
	s64 err;

	for (u32 i = 0; i < IPC_WORDS; i++)
		m.words[i] = next(c);
	m.handle = given;
	err = message_syscall(number, where, &m);
	if (err)
		return err;
	if (number != SYS_ipc_receive && given >> 32)
		__atomic_fetch_add(&crash_report()->granted, 1, __ATOMIC_RELAXED);
	if (number == SYS_ipc_receive || number == SYS_ipc_reply_receive) {
		c->token = m.token;
		c->from = (u32)where;
	}
	if (number != SYS_ipc_reply && m.handle)
		keep(c, (u32)m.handle, HANDLE);
	return 0;
}

/* All CPUs are interrupted for it, or a thread comes and goes: a thousand times what the others cost. */
static bool dear(u64 n)
{
	return n == SYS_memory_seal || n == SYS_space_unmap || n == SYS_space_protect ||
	       n == SYS_process_start || n == SYS_process_kill || n == SYS_trace_open;
}

static u64 pick(struct crasher *c)
{
	u64 n = next(c) % CRASH_NUMBERS;

	if (c->token && !one_in(c, 3))
		return one_in(c, 2) ? SYS_ipc_reply : SYS_ipc_reply_receive;
	if (((n == SYS_thread_exit || n == SYS_print) && !one_in(c, 64)) || (dear(n) && !one_in(c, 8)))
		return SYS_null;
	return n;
}

static void call(struct crasher *c)
{
	struct crash_report *r = crash_report();
	u64 n = pick(c), args[6];
	s64 result;

	for (u32 i = 0; i < 6; i++)
		args[i] = argument(c, n < NR_SYSCALLS ? takes[n][i] : NONE);
	if (n == SYS_space_protect && c->mapped && one_in(c, 2)) {
		args[0] = 0;
		args[1] = c->mapped;
		args[2] = 1;
	}
	if (c->token && (n == SYS_ipc_reply || n == SYS_ipc_reply_receive))
		args[0] = c->from | wait_for(c) << IPC_TIMEOUT_SHIFT;
	if (n == SYS_print)
		args[1] = 0; /* nothing that anybody reads, but its address */
	if (n == SYS_process_kill && !(u32)args[0] && !one_in(c, 64))
		return;
	__atomic_fetch_add(&r->made, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->began[n], 1, __ATOMIC_RELAXED);
	if (n >= SYS_ipc_call && n <= SYS_ipc_reply_receive)
		result = message(c, n, args[0]);
	else
		result = syscall6(n, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (n == SYS_ipc_reply || n == SYS_ipc_reply_receive)
		c->token = n == SYS_ipc_reply || result ? 0 : c->token;
	__atomic_fetch_add(&r->ended[n][result < 0 && result > -CRASH_ERRNOS ? -result : 0], 1,
			   __ATOMIC_RELAXED);
	if (n == SYS_space_map && !result && !args[0])
		c->mapped = args[1];
	if (n < NR_SYSCALLS)
		made(c, n, result);
}

static void begin(struct crasher *c)
{
	const struct crash_start *s = c->start;

	if (one_in(c, 8)) /* it will be killed by it */
		keep_given(c, s->self, PROCESS);
	keep_given(c, s->trace, TRACE);
	keep_given(c, s->ports, PORTS);
	keep_given(c, s->irq, IRQ);
	keep_given(c, s->endpoint, ENDPOINT);
	keep_given(c, s->notification, NOTIFICATION);
}

void crash_calls(const struct crash_start *s, u64 seed, u32 calls)
{
	struct crasher c = { .start = s, .random = seed | 1, .text = "nearly-right" };

	for (u32 i = 0; i < calls; i++) {
		if (i % 64 == 0)
			begin(&c);
		call(&c);
	}
}
