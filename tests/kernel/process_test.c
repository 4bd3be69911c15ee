/* Processes: they run, they end however they are made to, and nothing is left of them. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/entry/vectors.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/leftovers.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"
#include "trace/clock.h"

static struct leftovers before;

static void begin(void) { leftovers_before(&before); }
static void end(void) { leftovers_none(&before); }

KTEST(process, ends_with_its_status)
{
	begin();
	EXPECT_EQ(user_process_run(up_exit, 42, 0), 42);
	EXPECT_EQ(user_process_run(up_exit, (u64)-3, 0), -3);
	for (unsigned i = 0; i < stressed(50); i++)
		EXPECT_EQ(user_process_run(up_exit, i, 0), (int)i);
	end();
}

KTEST(process, is_killed_wherever_it_is)
{
	struct user_process spinner, waiter;
	struct endpoint *e;
	s64 h;

	begin();
	for (unsigned i = 0; i < stressed(6); i++) {
		e = endpoint_create();
		if (!e || !user_process(&spinner, "spinner") || !user_process(&waiter, "waiter"))
			return;
		h = process_give(waiter.process, &e->object, RIGHTS_ALL, 0);
		EXPECT(h > 0);
		user_process_start(&waiter, up_call_and_spin, (u64)h, 0, PRIORITY_DEFAULT);
		for (unsigned n = 0; n < i % 4 + 1; n++) /* several threads */
			user_process_start(&spinner, up_spin, 0, 0, PRIORITY_DEFAULT);
		for (unsigned n = 0; n < i % 3; n++)
			thread_yield();
		process_kill(spinner.process, 5);
		process_kill(waiter.process, 6);
		process_kill(waiter.process, 7); /* too late */
		EXPECT_EQ(user_process_end(&spinner), 5);
		EXPECT_EQ(user_process_end(&waiter), 6);
		object_put(&e->object);
	}
	end();
}

KTEST(process, without_a_thread_it_ends_when_nobody_has_it)
{
	struct user_process u;

	begin();
	if (!user_process(&u, "empty"))
		return;
	process_kill(u.process, 3);
	EXPECT_EQ(user_process_end(&u), 3);
	if (!user_process(&u, "empty"))
		return;
	object_put(&u.process->object);
	memory_put(u.words);
	object_put(&u.ended->object);
	end();
}

KTEST(process, registers_are_its_own)
{
	struct user_process u[3];
	unsigned n = 0;

	begin();
	EXPECT_EQ(thread_set_affinity(1), 0); /* theirs is all, but they begin here */
	for (; n < 3 && user_process(&u[n], "sse"); n++)
		user_process_start(&u[n], up_sse, 0x1234567 + n, stressed(200), PRIORITY_DEFAULT);
	thread_set_affinity(CPU_MASK_ALL);
	while (n--)
		EXPECT_EQ(user_process_end(&u[n]), 0);
	end();
}

#define PATIENCE_NS (500 * 1000 * 1000ul)

static void crash_round(u64 seed)
{
	struct user_process u[4];
	unsigned n = 0;

	for (; n < 4 && user_process(&u[n], "crash"); n++)
		user_process_start(&u[n], up_crash, seed + n, 1000, PRIORITY_DEFAULT);
	/* Some die of it: they unmap what they stand on. Some never end: they are to handle a fault that they have themselves. */
	while (n--) {
		u64 bits;

		if (notification_wait(u[n].ended, trace_clock() + PATIENCE_NS, &bits) == 0)
			notification_signal(u[n].ended, bits);
		process_kill(u[n].process, -9);
		user_process_end(&u[n]);
	}
}

KTEST(process, random_calls_hurt_nobody)
{
	u64 seed = trace_clock();

	ktest_comment("seed %lu", seed);
	crash_round(seed); /* tables and caches are made */
	begin();
	for (unsigned round = 1; round < stressed(6); round++)
		crash_round(seed + round * 4);
	end();
}

/* Something that a process has, and that is told when it has it no more. */
static struct {
	struct object object;
	struct process *p;
	struct notification *n;
	u64 early;
} had;

static void closed(struct object *o, u32 rights)
{
	EXPECT_EQ(process_watch(had.p, had.n, 1), 0);
	had.early = notification_take(had.n);
}

/* Who begins to watch in the middle of its end is told at its end, and once. */
KTEST(process, is_watched_to_its_end)
{
	struct notification *n = notification_create();
	struct process *p = process_create("watched", NULL);

	if (!n || !p)
		return;
	object_init(&had.object, OBJECT_TRACE, NULL); /* it stays */
	had.object.closed = closed;
	had.p = p;
	had.n = n;
	EXPECT(process_give(p, &had.object, 0, 0) > 0);
	process_kill(p, 1);
	EXPECT_EQ(had.early, 0);
	EXPECT_EQ(notification_take(n), 1);
	EXPECT_EQ(had.object.refs, 1);
	object_put(&p->object);
	object_put(&n->object);
	user_processes_settle();
}

/* Longer than any number of nanoseconds is for ever, and no short time. */
KTEST(process, waits_for_very_long)
{
	static const u64 long_times[] = { 1ul << 32, ~0ul / 1000 + 1, ~0ul / 500, 1ul << 63, ~0ul };
	struct user_process u;

	for (size_t i = 0; i < ARRAY_SIZE(long_times); i++) {
		struct notification *n = notification_create();
		struct user_call call = { SYS_notification_wait, { 0, long_times[i] }, 1, 0 };
		u64 bits;

		if (!n || !user_process(&u, "patient"))
			return;
		call.args[0] = (u64)process_give(u.process, &n->object, RIGHT_RECEIVE, 0);
		EXPECT_EQ(memory_write(u.words, 0, &call, sizeof(call)), 0);
		user_process_start(&u, up_calls, WORDS_BASE, 1, PRIORITY_DEFAULT);
		if (notification_wait(u.ended, trace_clock() + 20 * 1000 * 1000, &bits) == 0) {
			notification_signal(u.ended, bits);
			ktest_fail("a long wait was short", (int)i, "how long", long_times[i], 0);
		}
		process_kill(u.process, 8);
		EXPECT_EQ(user_process_end(&u), 8);
		object_put(&n->object);
	}
	user_processes_settle();
}

/* The answer says where it goes on, or that it does not. */
KTEST(process, faults_are_messages)
{
	struct user_process u;
	struct pt_regs m = { .ax = 0 };
	struct ipc_party me = { .regs = &m };
	struct endpoint *e;

	begin();
	e = endpoint_create();
	if (!e || !user_process(&u, "faulty"))
		return;
	object_get(&e->object);
	e->object.opened(&e->object, RIGHT_RECEIVE);
	EXPECT_EQ(process_set_faults(u.process, e, 77), 0);
	EXPECT_EQ(process_set_faults(u.process, e, 78), -EBUSY);
	user_process_start(&u, up_read, 0x123000, 0, PRIORITY_DEFAULT);
	EXPECT_EQ(ipc_receive(e, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(m.di, 77);
	EXPECT_EQ(m.si, IPC_LABEL_FAULT);
	EXPECT_EQ(m.dx, X86_TRAP_PF);
	EXPECT_EQ(m.r8, 4); /* a user's read of what isn't there */
	EXPECT_EQ(m.r9, 0x123000);
	EXPECT_EQ(m.r10, PROGRAM_BASE + (u64)(up_read - user_programs));
	EXPECT_EQ(m.r12, STACK_BASE + 4 * PAGE_SIZE);
	EXPECT_EQ(m.r14, 0); /* no frame yet */
	m.si = IPC_FAULT_GO_ON;
	m.dx = PROGRAM_BASE + (u64)(up_jump - user_programs); /* to the same address */
	EXPECT_EQ(ipc_reply_receive(e, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(m.r8, 4 | 16);
	EXPECT_EQ(m.r10, 0x123000);
	m.si = IPC_FAULT_GO_ON;
	m.dx = 0x0000800000000000; /* where nothing can be: refused, and so it dies of what it had */
	EXPECT_EQ(ipc_reply(e, &me), 0);
	EXPECT_EQ(user_process_end(&u), STATUS_FAULT - X86_TRAP_PF);
	e->object.closed(&e->object, RIGHT_RECEIVE);
	object_put(&e->object);
	object_put(&e->object);
	end();
}

KTEST(process, calls_a_server_in_another)
{
	struct user_process server, client;
	struct user_call calls[8];
	struct endpoint *e;
	s64 hs, hc;

	begin();
	e = endpoint_create();
	if (!e || !user_process(&server, "server") || !user_process(&client, "client"))
		return;
	hs = process_give(server.process, &e->object, RIGHT_RECEIVE, 0);
	hc = process_give(client.process, &e->object, RIGHT_SEND, 77);
	for (unsigned i = 0; i < 8; i++)
		calls[i] = (struct user_call){ SYS_ipc_call, { (u64)hc, i, 100 + i, 0, 1000, 0 }, 0, 0 };
	user_process_start(&server, up_server, (u64)hs, 0, PRIORITY_DEFAULT);
	EXPECT_EQ(user_process_calls(&client, calls, 8), 0);
	for (unsigned i = 0; i < 8; i++) {
		EXPECT_EQ(calls[i].result, 0);
		EXPECT_EQ(calls[i].dx, 101 + i);
	}
	process_kill(server.process, 9);
	EXPECT_EQ(user_process_end(&server), 9);
	object_put(&e->object);
	end();
}
