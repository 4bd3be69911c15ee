/* Messages between threads: whole, in order, replied to once, and never waited for in vain. */
#include "kernel/ipc.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

static struct endpoint *endpoint;
static struct handles server_handles, client_handles;
static u32 receiver; /* the handle by which the server receives */

static void begin(void)
{
	server_handles = client_handles = (struct handles){ 0 };
	handles_init(&server_handles);
	handles_init(&client_handles);
	endpoint = endpoint_create();
	receiver = (u32)handle_open(&server_handles, &endpoint->object, RIGHTS_ALL, 0);
}

static void end(void)
{
	handles_destroy(&client_handles);
	handles_destroy(&server_handles);
	EXPECT(list_empty(&endpoint->callers) && list_empty(&endpoint->served) &&
	       list_empty(&endpoint->receivers));
	EXPECT_EQ(endpoint->object.refs, 1);
	object_put(&endpoint->object);
}

static void fill(struct pt_regs *r, u64 n)
{
	u64 *words = (u64 *)r;

	for (size_t i = 0; i < sizeof(*r) / 8; i++)
		words[i] = n * 1000 + i;
	r->bx = 0;
}

/* Do both carry the same message? */
static bool same(const struct pt_regs *a, const struct pt_regs *b)
{
	return a->si == b->si && a->dx == b->dx && a->r8 == b->r8 && a->r9 == b->r9 && a->r10 == b->r10 &&
	       a->r12 == b->r12 && a->r13 == b->r13 && a->r14 == b->r14 && a->r15 == b->r15;
}

static struct pt_regs asked, got;

/* Receives one, and replies with all words one more. */
static int serve_one(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	int err = ipc_receive(endpoint, &me, IPC_FOR_EVER);

	got = r;
	r.si++;
	r.dx++;
	r.r15++;
	return err ?: ipc_reply(endpoint, &me);
}

static struct thread *start(int (*fn)(void *), void *arg)
{
	return thread_create("ipc", fn, arg, PRIORITY_DEFAULT, CPU_MASK_ALL);
}

KTEST(ipc, a_call_is_received_and_replied_to)
{
	struct pt_regs r, before;
	struct ipc_party me = { .regs = &r, .handles = &client_handles };
	struct thread *server;

	begin();
	server = start(serve_one, NULL);
	fill(&r, 7);
	before = r;
	EXPECT_EQ(ipc_call(endpoint, 77, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(thread_join(server), 0);
	EXPECT(same(&got, &before));
	EXPECT_EQ(got.di, 77);
	EXPECT_EQ(got.bp, current()->tid);
	EXPECT_EQ(got.bx, 0);
	before.si++;
	before.dx++;
	before.r15++;
	EXPECT_EQ(memcmp(&r, &before, sizeof(r)), 0); /* and nothing else of it has changed */
	end();
}

/* -ETIMEDOUT, on each side, and a reply too late. */
static int call_for_short(void *arg)
{
	struct pt_regs r = asked;
	struct ipc_party me = { .regs = &r, .handles = &client_handles };

	return ipc_call(endpoint, 0, &me, trace_clock() + 1000);
}

KTEST(ipc, waiting_ends)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	struct thread *t;

	begin();
	fill(&r, 1);
	EXPECT_EQ(ipc_receive(endpoint, &me, 0), -ETIMEDOUT);
	EXPECT_EQ(ipc_receive(endpoint, &me, trace_clock() + 1000), -ETIMEDOUT);
	EXPECT_EQ(ipc_call(endpoint, 0, &me, 0), -ETIMEDOUT);
	r.bp = (u64)current()->tid;
	EXPECT_EQ(ipc_reply(endpoint, &me), -ENOENT);
	t = start(call_for_short, NULL);
	EXPECT_EQ(thread_join(t), -ETIMEDOUT);
	EXPECT_EQ(ipc_reply_receive(endpoint, &me, 0), -ENOENT);
	end();
}

static int call_word(void *word)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &client_handles };
	int err;

	fill(&r, (u64)word);
	err = ipc_call(endpoint, (u64)word, &me, IPC_FOR_EVER);
	return err ?: r.dx == (u64)word * 2 ? 0 : 1;
}

static void wait_for_callers(unsigned n)
{
	unsigned queued;

	do {
		u64 flags = spin_lock_irqsave(&endpoint->lock);
		struct list_head *at;

		queued = 0;
		for (at = endpoint->callers.next; at != &endpoint->callers; at = at->next)
			queued++;
		spin_unlock_irqrestore(&endpoint->lock, flags);
		thread_yield();
	} while (queued < n);
}

#define CALLERS 5

/* In the order they came; replied to in any. */
KTEST(ipc, callers_are_received_in_order)
{
	struct thread *callers[CALLERS];
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	u64 tokens[CALLERS];

	begin();
	for (u64 i = 0; i < CALLERS; i++) {
		callers[i] = start(call_word, (void *)(i + 1));
		wait_for_callers((unsigned)i + 1);
	}
	for (u64 i = 0; i < CALLERS; i++) {
		EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), 0);
		EXPECT_EQ(r.di, i + 1);
		tokens[i] = r.bp;
	}
	for (u64 i = 0; i < CALLERS; i++) {
		u64 which = i * 2 % CALLERS;

		r.bp = tokens[which];
		r.dx = (which + 1) * 2;
		EXPECT_EQ(ipc_reply(endpoint, &me), 0);
		EXPECT_EQ(ipc_reply(endpoint, &me), -ENOENT); /* once */
		EXPECT_EQ(thread_join(callers[which]), 0);
	}
	end();
}

static int receive_in_vain(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = NULL };

	return ipc_receive(endpoint, &me, IPC_FOR_EVER);
}

/* The last handle that may receive goes: who waits, has been received, or comes later is told so. */
KTEST(ipc, nobody_waits_for_the_dead)
{
	struct thread *served, *waits;
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	s64 second;

	begin();
	served = start(call_word, (void *)1);
	EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), 0);
	waits = start(call_word, (void *)2);
	wait_for_callers(1);
	second = handle_duplicate(&server_handles, receiver, RIGHT_RECEIVE, 0);
	EXPECT_EQ(handle_close(&server_handles, receiver), 0);
	EXPECT(!endpoint->dead);
	EXPECT_EQ(handle_close(&server_handles, (u32)second), 0);
	EXPECT_EQ(thread_join(served), -EPIPE);
	EXPECT_EQ(thread_join(waits), -EPIPE);
	EXPECT_EQ(ipc_call(endpoint, 0, &me, IPC_FOR_EVER), -EPIPE);
	EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), -EPIPE);
	EXPECT_EQ(ipc_reply(endpoint, &me), -ENOENT);
	end();

	begin();
	waits = start(receive_in_vain, NULL);
	while (list_empty(&endpoint->receivers))
		thread_yield();
	EXPECT_EQ(handle_close(&server_handles, receiver), 0);
	EXPECT_EQ(thread_join(waits), -EPIPE);
	end();
}

/* One of two servers dies. */
KTEST(ipc, a_dead_servers_calls_fail)
{
	static struct handles other;
	struct thread *one, *two;
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles },
			 it = { .regs = &r, .handles = &other };

	begin();
	one = start(call_word, (void *)1);
	EXPECT_EQ(ipc_receive(endpoint, &it, IPC_FOR_EVER), 0);
	two = start(call_word, (void *)2);
	EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), 0);
	endpoint_abandon(endpoint, &other);
	EXPECT_EQ(thread_join(one), -EPIPE);
	r.dx = 4;
	EXPECT_EQ(ipc_reply(endpoint, &me), 0);
	EXPECT_EQ(thread_join(two), 0);
	end();
}

KTEST(ipc, a_killed_thread_waits_no_more)
{
	struct thread *t;

	begin();
	t = start(call_word, (void *)1);
	wait_for_callers(1);
	t->killed = true;
	thread_wake(t);
	EXPECT_EQ(thread_join(t), -EINTR);
	end();
}

static u32 to_give;
static int call_with_handle(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &client_handles };
	int err;

	fill(&r, 1);
	r.bx = to_give;
	err = ipc_call(endpoint, 0, &me, IPC_FOR_EVER);
	return err ?: (int)r.bx;
}

/* First with one that may not be given. */
static int call_refused_and_again(void *not_given)
{
	u32 given = to_give;
	int err;

	to_give = (u32)(u64)not_given;
	err = call_with_handle(NULL);
	to_give = given;
	return err == -EACCES ? call_with_handle(NULL) : err;
}

/* Both ways; with the rights that it has. What may not be given fails for who gives, and the other waits on. */
KTEST(ipc, handles_are_given)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	struct handle h;
	struct thread *t;
	int back;

	begin();
	to_give = (u32)handle_open(&client_handles, &endpoint->object, RIGHT_SEND | RIGHT_DUPLICATE, 9);
	t = start(call_with_handle, NULL);
	EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), 0);
	EXPECT(r.bx && (u32)r.bx != receiver);
	EXPECT_EQ(handle_find_any(&server_handles, (u32)r.bx, 0, &h), 0);
	EXPECT_EQ(h.rights, RIGHT_SEND | RIGHT_DUPLICATE);
	EXPECT_EQ(h.badge, 9);
	r.bx = 12345;
	EXPECT_EQ(ipc_reply(endpoint, &me), -EBADF);
	r.bx = receiver;
	EXPECT_EQ(ipc_reply(endpoint, &me), 0);
	back = thread_join(t);
	EXPECT(back > 0);
	EXPECT_EQ(endpoint->open, 2);
	EXPECT_EQ(handle_close(&client_handles, (u32)back), 0);
	t = start(call_refused_and_again, (void *)handle_duplicate(&client_handles, to_give, RIGHT_SEND, 0));
	EXPECT_EQ(ipc_receive(endpoint, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(handle_find_any(&server_handles, (u32)r.bx, 0, &h), 0);
	EXPECT_EQ(h.rights, RIGHT_SEND | RIGHT_DUPLICATE);
	r.bx = 0;
	EXPECT_EQ(ipc_reply(endpoint, &me), 0);
	EXPECT_EQ(thread_join(t), 0);
	end();
}

/* A handle is closed while it is given: who gets it has a whole object, or nobody does. */
static u32 closed_meanwhile;
static unsigned gifts, gone;

static void count_gone(struct object *o) { __atomic_fetch_add(&gone, 1, __ATOMIC_RELAXED); }

static int give_all(void *arg)
{
	struct pt_regs r = { .ax = 0 };
	struct ipc_party me = { .regs = &r, .handles = &client_handles };
	int wrong = 0;

	for (unsigned i = 0; i < gifts; i++) {
		struct object *o = kmalloc(sizeof(*o));
		int err;

		object_init(o, OBJECT_MEMORY, count_gone);
		r.bx = (u64)handle_open(&client_handles, o, RIGHTS_ALL, 0);
		object_put(o);
		WRITE_ONCE(closed_meanwhile, (u32)r.bx);
		err = ipc_call(endpoint, 0, &me, IPC_FOR_EVER);
		wrong += err && err != -EBADF;
		while (READ_ONCE(closed_meanwhile))
			cpu_relax();
	}
	return wrong ?: handle_close(&server_handles, receiver);
}

static int close_all(void *arg)
{
	int wrong = 0;

	for (unsigned i = 0; i < gifts; i++) {
		u32 h;

		while (!(h = READ_ONCE(closed_meanwhile)))
			cpu_relax();
		for (unsigned n = i % 32; n; n--)
			cpu_relax();
		wrong += handle_close(&client_handles, h);
		WRITE_ONCE(closed_meanwhile, 0);
	}
	return wrong;
}

static int take_all(void *arg)
{
	struct pt_regs r = { .ax = 0 };
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	int err, wrong = 0;

	while (!(err = ipc_receive(endpoint, &me, IPC_FOR_EVER))) {
		if (r.bx)
			wrong += handle_close(&server_handles, (u32)r.bx);
		r.bx = 0;
		wrong += ipc_reply(endpoint, &me);
	}
	return err == -EPIPE ? wrong : err;
}

KTEST(ipc, a_handle_is_closed_while_it_is_given)
{
	struct thread *threads[3];

	if (crowd_cpus() == 1)
		return;
	begin();
	gone = closed_meanwhile = 0;
	gifts = stressed(300);
	threads[0] = thread_create("takes", take_all, NULL, PRIORITY_DEFAULT, 1);
	threads[1] = thread_create("gives", give_all, NULL, PRIORITY_DEFAULT, 1);
	threads[2] = thread_create("closes", close_all, NULL, PRIORITY_DEFAULT, 2);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(thread_join(threads[i]), 0);
	EXPECT_EQ(gone, gifts);
	end();
}

/* Many callers and several servers on all CPUs: each answer is its question's. */
static u64 served;
static int serve(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	int err = ipc_receive(endpoint, &me, IPC_FOR_EVER);

	while (!err) {
		__atomic_fetch_add(&served, 1, __ATOMIC_RELAXED);
		r.dx = r.di ^ r.r8;
		err = ipc_reply_receive(endpoint, &me, IPC_FOR_EVER);
	}
	return err;
}

static unsigned calls;
static int call_on(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &client_handles };
	int wrong = 0;

	for (unsigned i = 0; i < calls; i++) {
		fill(&r, i);
		r.r8 = (u64)arg << 32 | i;
		wrong += ipc_call(endpoint, (u64)arg, &me, IPC_FOR_EVER) != 0;
		wrong += r.dx != ((u64)arg ^ ((u64)arg << 32 | i));
	}
	return wrong;
}

KTEST(ipc, many_at_once)
{
	struct thread *servers[2], *callers[NR_CPUS + 2];
	unsigned nr = crowd_cpus() + 2;

	begin();
	served = 0;
	calls = stressed_each(400);
	for (unsigned i = 0; i < 2; i++)
		servers[i] = start(serve, NULL);
	for (u64 i = 0; i < nr; i++)
		callers[i] = start(call_on, (void *)(i + 1));
	for (u64 i = 0; i < nr; i++)
		EXPECT_EQ(thread_join(callers[i]), 0);
	EXPECT_EQ(served, nr * calls);
	EXPECT_EQ(handle_close(&server_handles, receiver), 0);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_EQ(thread_join(servers[i]), -EPIPE);
	end();
}

static struct notification *notification;
static int wait_for_bits(void *arg)
{
	u64 bits;
	int err = notification_wait(notification, IPC_FOR_EVER, &bits);

	return err ?: (int)bits;
}

KTEST(ipc, notifications)
{
	struct thread *t;
	u64 bits;

	notification = notification_create();
	EXPECT_EQ(notification_wait(notification, 0, &bits), -ETIMEDOUT);
	EXPECT_EQ(notification_wait(notification, trace_clock() + 1000, &bits), -ETIMEDOUT);
	notification_signal(notification, 1);
	notification_signal(notification, 4);
	EXPECT_EQ(notification_wait(notification, IPC_FOR_EVER, &bits), 0);
	EXPECT_EQ(bits, 5);
	EXPECT_EQ(notification_take(notification), 0);
	t = start(wait_for_bits, NULL);
	thread_yield();
	notification_signal(notification, 8);
	EXPECT_EQ(thread_join(t), 8);
	t = start(wait_for_bits, NULL);
	thread_yield();
	t->killed = true;
	thread_wake(t);
	EXPECT_EQ(thread_join(t), -EINTR);
	object_put(&notification->object);
}

/* Bound to an endpoint: before, while and after somebody waits to receive; calls come as ever. */
static int receive_bits(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &server_handles };
	int err;

	fill(&r, 3);
	err = ipc_receive(endpoint, &me, IPC_FOR_EVER);
	return err ?: r.di || r.bp || r.bx ? -1 : (int)r.si;
}

KTEST(ipc, a_receiver_is_notified)
{
	struct notification *other = notification_create();
	struct thread *t;

	begin();
	notification = notification_create();
	notification_signal(notification, 2);
	EXPECT_EQ(endpoint_bind(endpoint, notification), 0);
	EXPECT_EQ(endpoint_bind(endpoint, other), -EBUSY);
	object_put(&other->object);
	EXPECT_EQ(receive_bits(NULL), 2);
	t = start(receive_bits, NULL);
	while (list_empty(&endpoint->receivers))
		thread_yield();
	notification_signal(notification, 16);
	EXPECT_EQ(thread_join(t), 16);
	t = start(call_word, (void *)1);
	EXPECT_EQ(serve_one(NULL), 0);
	EXPECT_EQ(got.di, 1);
	thread_join(t);
	EXPECT_EQ(notification->object.refs, 2);
	end();
	EXPECT_EQ(notification->object.refs, 1);
	EXPECT(!notification->endpoint);
	notification_signal(notification, 1); /* nobody's */
	object_put(&notification->object);
}

/* A signal is lost only in the same one, not yet taken. */
static bool all_sent;
static int signal_much(void *bit)
{
	for (unsigned i = 0; i < calls; i++)
		notification_signal(notification, 1ul << (u64)bit);
	return 0;
}

static int take_much(void *arg)
{
	u64 bits, seen = 0;

	while (!READ_ONCE(all_sent))
		if (notification_wait(notification, trace_clock() + 1000000, &bits) == 0)
			seen |= bits;
	return (int)(seen | notification_take(notification));
}

KTEST(ipc, signals_from_all_cpus)
{
	struct thread *senders[NR_CPUS], *taker;
	unsigned nr = crowd_cpus();
	int want = 0;

	notification = notification_create();
	calls = stressed_each(400);
	all_sent = false;
	taker = start(take_much, NULL);
	for (u64 i = 0; i < nr; i++) {
		senders[i] = start(signal_much, (void *)i);
		want |= 1 << i;
	}
	for (unsigned i = 0; i < nr; i++)
		EXPECT_EQ(thread_join(senders[i]), 0);
	WRITE_ONCE(all_sent, true);
	EXPECT_EQ(thread_join(taker), want);
	object_put(&notification->object);
}
