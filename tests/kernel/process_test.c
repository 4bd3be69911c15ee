/* Processes: they run, they end however they are made to, and nothing is left of them. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

static void count(struct thread *t, void *n) { ++*(u32 *)n; }
static u32 nr_threads(void)
{
	u32 n = 0;

	thread_for_each(count, &n);
	return n;
}

/* What there was before is there again. */
static struct {
	size_t frames;
	u32 processes, threads;
} before;
static void begin(void)
{
	user_process_run(up_exit, 0, 0); /* what is made once is there */
	user_processes_settle();
	before.frames = frames_free_count();
	before.processes = nr_processes;
	before.threads = nr_threads();
}
static void end(void)
{
	user_processes_settle();
	EXPECT_EQ(nr_processes, before.processes);
	EXPECT_EQ(nr_threads(), before.threads);
	EXPECT(frames_free_count() + 2 >= before.frames); /* pages of kmalloc's */
}

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
	for (unsigned i = 0; i < stressed(20); i++) {
		struct user_call call = { .number = SYS_ipc_call };

		e = endpoint_create();
		if (!e || !user_process(&spinner, "spinner") || !user_process(&waiter, "waiter"))
			return;
		h = process_give(waiter.process, &e->object, RIGHTS_ALL, 0);
		EXPECT(h > 0);
		call.args[0] = (u64)h;
		memory_write(waiter.words, 0, &call, sizeof(call));
		user_process_start(&waiter, up_calls, WORDS_BASE, 1, PRIORITY_DEFAULT);
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

KTEST(process, calls_a_server_in_another)
{
	struct user_process server, client;
	struct endpoint *e = endpoint_create();
	struct user_call calls[8];
	s64 hs, hc;

	begin();
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
