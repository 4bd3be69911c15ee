/* Notifications: waited for alone, with messages, and signalled by all CPUs. */
#include "kernel/notification.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/ipc_scene.h"
#include "tests/kernel/stress.h"
#include "trace/clock.h"

static unsigned calls; /* of each thread */
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
	t = ipc_start(wait_for_bits, NULL);
	thread_yield();
	notification_signal(notification, 8);
	EXPECT_EQ(thread_join(t), 8);
	t = ipc_start(wait_for_bits, NULL);
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
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	int err;

	ipc_fill(&r, 3);
	err = ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER);
	return err ?: r.di || r.bp || r.bx ? -1 : (int)r.si;
}

KTEST(ipc, a_receiver_is_notified)
{
	struct notification *other = notification_create();
	struct thread *t;

	ipc_scene_begin();
	notification = notification_create();
	notification_signal(notification, 2);
	EXPECT_EQ(endpoint_bind(ipc_endpoint, notification), 0);
	EXPECT_EQ(endpoint_bind(ipc_endpoint, other), -EBUSY);
	object_put(&other->object);
	EXPECT_EQ(receive_bits(NULL), 2);
	t = ipc_start(receive_bits, NULL);
	while (list_empty(&ipc_endpoint->receivers))
		thread_yield();
	notification_signal(notification, 16);
	EXPECT_EQ(thread_join(t), 16);
	t = ipc_start(ipc_call_word, (void *)1);
	EXPECT_EQ(ipc_serve_one(NULL), 0);
	EXPECT_EQ(ipc_got.di, 1);
	thread_join(t);
	EXPECT_EQ(notification->object.refs, 2);
	ipc_scene_end();
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
	taker = ipc_start(take_much, NULL);
	for (u64 i = 0; i < nr; i++) {
		senders[i] = ipc_start(signal_much, (void *)i);
		want |= 1 << i;
	}
	for (unsigned i = 0; i < nr; i++)
		EXPECT_EQ(thread_join(senders[i]), 0);
	WRITE_ONCE(all_sent, true);
	EXPECT_EQ(thread_join(taker), want);
	object_put(&notification->object);
}
