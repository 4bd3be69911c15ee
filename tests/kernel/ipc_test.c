/* Messages between threads: whole, in order, replied to once, and never waited for in vain. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/ipc_scene.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

/* Do both carry the same message? */
static bool same(const struct pt_regs *a, const struct pt_regs *b)
{
	return a->si == b->si && a->dx == b->dx && a->r8 == b->r8 && a->r9 == b->r9 && a->r10 == b->r10 &&
	       a->r12 == b->r12 && a->r13 == b->r13 && a->r14 == b->r14 && a->r15 == b->r15;
}

static struct pt_regs asked;

KTEST(ipc, a_call_is_received_and_replied_to)
{
	struct pt_regs r, before;
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };
	struct thread *server;

	ipc_scene_begin();
	server = ipc_start(ipc_serve_one, NULL);
	ipc_fill(&r, 7);
	before = r;
	EXPECT_EQ(ipc_call(ipc_endpoint, 77, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(thread_join(server), 0);
	EXPECT(same(&ipc_got, &before));
	EXPECT_EQ(ipc_got.di, 77);
	EXPECT_EQ(ipc_got.bp, current()->tid);
	EXPECT_EQ(ipc_got.bx, 0);
	before.si++;
	before.dx++;
	before.r15++;
	EXPECT_EQ(memcmp(&r, &before, sizeof(r)), 0); /* and nothing else of it has changed */
	ipc_scene_end();
}

/* -ETIMEDOUT, on each side, and a reply too late. */
static int call_for_short(void *arg)
{
	struct pt_regs r = asked;
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };

	return ipc_call(ipc_endpoint, 0, &me, trace_clock() + 1000);
}

KTEST(ipc, waiting_ends)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	struct thread *t;

	ipc_scene_begin();
	ipc_fill(&r, 1);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, 0), -ETIMEDOUT);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, trace_clock() + 1000), -ETIMEDOUT);
	EXPECT_EQ(ipc_call(ipc_endpoint, 0, &me, 0), -ETIMEDOUT);
	r.bp = (u64)current()->tid;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), -ENOENT);
	t = ipc_start(call_for_short, NULL);
	EXPECT_EQ(thread_join(t), -ETIMEDOUT);
	EXPECT_EQ(ipc_reply_receive(ipc_endpoint, &me, 0), -ENOENT);
	ipc_scene_end();
}

#define CALLERS 5

/* In the order they came; replied to in any. */
KTEST(ipc, callers_are_received_in_order)
{
	struct thread *callers[CALLERS];
	struct pt_regs r = { 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	u64 tokens[CALLERS];

	ipc_scene_begin();
	for (u64 i = 0; i < CALLERS; i++) {
		callers[i] = ipc_start(ipc_call_word, (void *)(i + 1));
		ipc_wait_for_callers((unsigned)i + 1);
	}
	for (u64 i = 0; i < CALLERS; i++) {
		EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
		EXPECT_EQ(r.di, i + 1);
		tokens[i] = r.bp;
	}
	for (u64 i = 0; i < CALLERS; i++) {
		u64 which = i * 2 % CALLERS;

		r.bp = tokens[which];
		r.dx = (which + 1) * 2;
		EXPECT_EQ(ipc_reply(ipc_endpoint, &me), 0);
		EXPECT_EQ(ipc_reply(ipc_endpoint, &me), -ENOENT); /* once */
		EXPECT_EQ(thread_join(callers[which]), 0);
	}
	ipc_scene_end();
}

static int receive_in_vain(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = NULL };

	return ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER);
}

/* The last handle that may receive goes: who waits, has been received, or comes later is told so. */
KTEST(ipc, nobody_waits_for_the_dead)
{
	struct thread *served, *waits;
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	s64 second;

	ipc_scene_begin();
	served = ipc_start(ipc_call_word, (void *)1);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	waits = ipc_start(ipc_call_word, (void *)2);
	ipc_wait_for_callers(1);
	second = handle_duplicate(&ipc_server, ipc_receiver, RIGHT_RECEIVE, 0);
	EXPECT_EQ(handle_close(&ipc_server, ipc_receiver), 0);
	EXPECT(!ipc_endpoint->dead);
	EXPECT_EQ(handle_close(&ipc_server, (u32)second), 0);
	EXPECT_EQ(thread_join(served), -EPIPE);
	EXPECT_EQ(thread_join(waits), -EPIPE);
	EXPECT_EQ(ipc_call(ipc_endpoint, 0, &me, IPC_FOR_EVER), -EPIPE);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), -EPIPE);
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), -ENOENT);
	ipc_scene_end();

	ipc_scene_begin();
	waits = ipc_start(receive_in_vain, NULL);
	while (list_empty(&ipc_endpoint->receivers))
		thread_yield();
	EXPECT_EQ(handle_close(&ipc_server, ipc_receiver), 0);
	EXPECT_EQ(thread_join(waits), -EPIPE);
	ipc_scene_end();
}

/* One of two servers dies. */
KTEST(ipc, a_dead_servers_calls_fail)
{
	static struct handles other;
	struct thread *one, *two;
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_server }, it = { .regs = &r, .handles = &other };

	ipc_scene_begin();
	one = ipc_start(ipc_call_word, (void *)1);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &it, IPC_FOR_EVER), 0);
	two = ipc_start(ipc_call_word, (void *)2);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	endpoint_abandon(ipc_endpoint, &other);
	EXPECT_EQ(thread_join(one), -EPIPE);
	r.dx = 4;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), 0);
	EXPECT_EQ(thread_join(two), 0);
	ipc_scene_end();
}

KTEST(ipc, a_killed_thread_waits_no_more)
{
	struct thread *t;

	ipc_scene_begin();
	t = ipc_start(ipc_call_word, (void *)1);
	ipc_wait_for_callers(1);
	t->killed = true;
	thread_wake(t);
	EXPECT_EQ(thread_join(t), -EINTR);
	ipc_scene_end();
}

/* Many callers and several servers on all CPUs: each answer is its question's. */
static u64 served;
static int serve(void *arg)
{
	struct pt_regs r = { 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	int err = ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER);

	while (!err) {
		__atomic_fetch_add(&served, 1, __ATOMIC_RELAXED);
		r.dx = r.di ^ r.r8;
		err = ipc_reply_receive(ipc_endpoint, &me, IPC_FOR_EVER);
	}
	return err;
}

static unsigned calls;
static int call_on(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };
	int wrong = 0;

	for (unsigned i = 0; i < calls; i++) {
		ipc_fill(&r, i);
		r.r8 = (u64)arg << 32 | i;
		wrong += ipc_call(ipc_endpoint, (u64)arg, &me, IPC_FOR_EVER) != 0;
		wrong += r.dx != ((u64)arg ^ ((u64)arg << 32 | i));
	}
	return wrong;
}

KTEST(ipc, many_at_once)
{
	struct thread *servers[2], *callers[NR_CPUS + 2];
	unsigned nr = crowd_cpus() + 2;

	ipc_scene_begin();
	served = 0;
	calls = stressed_each(400);
	for (unsigned i = 0; i < 2; i++)
		servers[i] = ipc_start(serve, NULL);
	for (u64 i = 0; i < nr; i++)
		callers[i] = ipc_start(call_on, (void *)(i + 1));
	for (u64 i = 0; i < nr; i++)
		EXPECT_EQ(thread_join(callers[i]), 0);
	EXPECT_EQ(served, nr * calls);
	EXPECT_EQ(handle_close(&ipc_server, ipc_receiver), 0);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_EQ(thread_join(servers[i]), -EPIPE);
	ipc_scene_end();
}
