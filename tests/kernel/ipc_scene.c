/* An endpoint, two tables of handles, and threads that use them. */
#include "tests/kernel/ipc_scene.h"

#include "abi/rights.h"
#include "lib/ktest.h"

struct endpoint *ipc_endpoint;
struct handles ipc_server, ipc_client;
u32 ipc_receiver;

void ipc_scene_begin(void)
{
	ipc_server = ipc_client = (struct handles){ 0 };
	handles_init(&ipc_server);
	handles_init(&ipc_client);
	ipc_endpoint = endpoint_create();
	ipc_receiver = (u32)handle_open(&ipc_server, &ipc_endpoint->object, RIGHTS_ALL, 0);
}

void ipc_scene_end(void)
{
	handles_destroy(&ipc_client);
	handles_destroy(&ipc_server);
	EXPECT(list_empty(&ipc_endpoint->callers) && list_empty(&ipc_endpoint->served) &&
	       list_empty(&ipc_endpoint->receivers));
	EXPECT_EQ(ipc_endpoint->object.refs, 1);
	object_put(&ipc_endpoint->object);
}

void ipc_fill(struct pt_regs *r, u64 n)
{
	u64 *words = (u64 *)r;

	for (size_t i = 0; i < sizeof(*r) / 8; i++)
		words[i] = n * 1000 + i;
	r->bx = 0;
}

struct pt_regs ipc_got;

int ipc_serve_one(void *arg)
{
	struct pt_regs r = { 0 };
	struct ipc_party me = { .regs = &r, .handles = &ipc_server };
	int err = ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER);

	ipc_got = r;
	r.si++;
	r.dx++;
	r.r15++;
	return err ?: ipc_reply(ipc_endpoint, &me);
}

struct thread *ipc_start(int (*fn)(void *), void *arg)
{
	return thread_create("ipc", fn, arg, PRIORITY_DEFAULT, CPU_MASK_ALL);
}

int ipc_call_word(void *word)
{
	struct pt_regs r;
	struct ipc_party me = { .regs = &r, .handles = &ipc_client };
	int err;

	ipc_fill(&r, (u64)word);
	err = ipc_call(ipc_endpoint, (u64)word, &me, IPC_FOR_EVER);
	return err ?: r.dx == (u64)word * 2 ? 0 : 1;
}

void ipc_wait_for_callers(unsigned n)
{
	unsigned queued;

	do {
		u64 flags = spin_lock_irqsave(&ipc_endpoint->lock);
		struct list_head *at;

		queued = 0;
		for (at = ipc_endpoint->callers.next; at != &ipc_endpoint->callers; at = at->next)
			queued++;
		spin_unlock_irqrestore(&ipc_endpoint->lock, flags);
		thread_yield();
	} while (queued < n);
}
