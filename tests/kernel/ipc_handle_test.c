/* Handles that come with messages: given whole or not at all. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "mm/kmalloc.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/ipc_scene.h"
#include "tests/kernel/stress.h"

static u32 to_give;
static int call_with_handle(void *arg)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };
	int err;

	ipc_fill(&r, 1);
	r.bx = to_give;
	err = ipc_call(ipc_endpoint, 0, &me, IPC_FOR_EVER);
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
	struct pt_regs r = { 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	struct handle h;
	struct thread *t;
	int back;

	ipc_scene_begin();
	to_give = (u32)handle_open(&ipc_client, &ipc_endpoint->object, RIGHT_SEND | RIGHT_DUPLICATE, 9);
	t = ipc_start(call_with_handle, NULL);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	EXPECT(r.bx && (u32)r.bx != ipc_receiver);
	EXPECT_EQ(handle_find_any(&ipc_server, (u32)r.bx, 0, &h), 0);
	EXPECT_EQ(h.rights, RIGHT_SEND | RIGHT_DUPLICATE);
	EXPECT_EQ(h.badge, 9);
	r.bx = 12345;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), -EBADF);
	r.bx = ipc_receiver;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), 0);
	back = thread_join(t);
	EXPECT(back > 0);
	EXPECT_EQ(ipc_endpoint->open, 2);
	EXPECT_EQ(handle_close(&ipc_client, (u32)back), 0);
	t = ipc_start(call_refused_and_again, (void *)handle_duplicate(&ipc_client, to_give, RIGHT_SEND, 0));
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	EXPECT_EQ(handle_find_any(&ipc_server, (u32)r.bx, 0, &h), 0);
	EXPECT_EQ(h.rights, RIGHT_SEND | RIGHT_DUPLICATE);
	r.bx = 0;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), 0);
	EXPECT_EQ(thread_join(t), 0);
	ipc_scene_end();
}

/* A handle is closed while it is given: who gets it has a whole object, or nobody does. */
static u32 closed_meanwhile;
static unsigned gifts, gone;

static void count_gone(struct object *o) { __atomic_fetch_add(&gone, 1, __ATOMIC_RELAXED); }

static int give_all(void *arg)
{
	struct pt_regs r = { .ax = 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };
	int wrong = 0;

	for (unsigned i = 0; i < gifts; i++) {
		struct object *o = kmalloc(sizeof(*o));
		int err;

		object_init(o, OBJECT_MEMORY, count_gone);
		r.bx = (u64)handle_open(&ipc_client, o, RIGHTS_ALL, 0);
		object_put(o);
		WRITE_ONCE(closed_meanwhile, (u32)r.bx);
		err = ipc_call(ipc_endpoint, 0, &me, IPC_FOR_EVER);
		wrong += err && err != -EBADF;
		while (READ_ONCE(closed_meanwhile))
			cpu_relax();
	}
	return wrong ?: handle_close(&ipc_server, ipc_receiver);
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
		wrong += handle_close(&ipc_client, h);
		WRITE_ONCE(closed_meanwhile, 0);
	}
	return wrong;
}

static int take_all(void *arg)
{
	struct pt_regs r = { .ax = 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	int err, wrong = 0;

	while (!(err = ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER))) {
		if (r.bx)
			wrong += handle_close(&ipc_server, (u32)r.bx);
		r.bx = 0;
		wrong += ipc_reply(ipc_endpoint, &me);
	}
	return err == -EPIPE ? wrong : err;
}

KTEST(ipc, a_handle_is_closed_while_it_is_given)
{
	struct thread *threads[3];

	if (crowd_cpus() == 1)
		return;
	ipc_scene_begin();
	gone = closed_meanwhile = 0;
	gifts = stressed(300);
	threads[0] = thread_create("takes", take_all, NULL, PRIORITY_DEFAULT, 1);
	threads[1] = thread_create("gives", give_all, NULL, PRIORITY_DEFAULT, 1);
	threads[2] = thread_create("closes", close_all, NULL, PRIORITY_DEFAULT, 2);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(thread_join(threads[i]), 0);
	EXPECT_EQ(gone, gifts);
	ipc_scene_end();
}
