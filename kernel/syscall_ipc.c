/* Messages and notifications, as users ask for them. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/handlers.h"
#include "kernel/fault.h"
#include "kernel/ipc_direct.h"
#include "kernel/memory_object.h"
#include "kernel/syscall_internal.h"
#include "sched/internal.h"
#include "trace/clock.h"

u64 syscall_deadline(u64 us)
{
	if (!us || us > IPC_FOR_EVER / 2000) /* five hundred years' end is none */
		return IPC_FOR_EVER;
	return us == IPC_DONT_WAIT ? 0 : trace_clock() + us * 1000;
}

/* The low half is the handle: where there is a time above it, that is the caller's business. */
static __always_inline struct endpoint *find_endpoint(u32 h, u32 right, u64 *badge, int *err)
{
	u64 flags = local_irq_save();
	struct handle found;

	*err = handle_find(own_handles(), h, OBJECT_ENDPOINT, right, &found);
	if (!*err && !object_try_get(found.object))
		*err = -EBADF;
	local_irq_restore(flags);
	if (*err)
		return NULL;
	*badge = found.badge;
	return container_of(found.object, struct endpoint, object);
}

struct endpoint *get_endpoint(u64 h, u32 right, u64 *badge, int *err)
{
	*err = -EBADF;
	return h >> 32 ? NULL : find_endpoint((u32)h, right, badge, err);
}

/* If it has been given, nothing is to be put back any more. */
static void grant_end(struct ipc_party *me)
{
	struct object *o = me->grant.object;

	me->grant.object = NULL;
	handle_put_back(me->handles, me->granted);
	object_put(o);
}

/*
 * The memory that the message gives away. From here on nobody else of our own has the handle, to give it away, too, or to map it again;
 * and only then it is mapped no more. Who found it just before, with interrupts off, has a reference when all CPUs have answered. If anybody
 * has it then, in whatever way, it isn't given: who pays for it would do so for as long as that one likes.
 */
static int grant_begin(struct ipc_party *me)
{
	struct handle found;
	struct object *o;
	int err;

	if (me->regs->bx >> 32 != IPC_GRANT >> 32)
		return -EINVAL;
	err = handle_take(me->handles, (u32)me->regs->bx, OBJECT_MEMORY, RIGHT_DUPLICATE, &found);
	if (err)
		return err;
	o = found.object;
	object_get(o);
	me->grant = found;
	me->granted = (u32)me->regs->bx;
	smp_serialize_others(); /* without a mutex, whose holder might be kept from running by his betters */
	space_unmap_memory(current_process()->space, container_of(o, struct memory_object, object)->memory);
	if (memory_object_alone(o))
		return 0;
	grant_end(me);
	return -EBUSY;
}

/* Not longer than until it has been replied: what was given away isn't to last as long as we wait. */
static int grant_reply_receive(struct endpoint *e, struct ipc_party *me, u64 until)
{
	int err = ipc_reply(e, me);

	grant_end(me);
	return err ?: ipc_receive(e, me, until);
}

enum operation { CALL, RECEIVE, REPLY, REPLY_RECEIVE };

static __always_inline long ipc(struct pt_regs *regs, enum operation op, u32 right)
{
	struct ipc_party *me = &current_user_thread()->party;
	u64 badge, until = syscall_deadline(regs->di >> IPC_TIMEOUT_SHIFT);
	int err;
	struct endpoint *e = find_endpoint((u32)regs->di, right, &badge, &err);

	if (!e)
		return err;
	if (unlikely(op != RECEIVE && regs->bx >> 32)) {
		err = grant_begin(me);
		if (err) {
			object_put(&e->object);
			return err;
		}
	}
	me->wait->direct = until == IPC_FOR_EVER && !me->grant.object && ipc_may_forget(regs) ? IPC_DIRECT
											      : IPC_IN_ORDER;
	switch (op) {
	case CALL:
		err = ipc_call(e, badge, me, until);
		break;
	case RECEIVE:
		err = ipc_receive(e, me, until);
		break;
	case REPLY:
		err = ipc_reply(e, me);
		break;
	case REPLY_RECEIVE:
		err = me->grant.object ? grant_reply_receive(e, me, until) : ipc_reply_receive(e, me, until);
		break;
	}
	if (unlikely(me->grant.object))
		grant_end(me);
	me->wait->direct = IPC_DIRECT;
	object_put(&e->object);
	return err;
}

long ipc_call_in_order(struct pt_regs *regs) { return ipc(regs, CALL, RIGHT_SEND); }
long ipc_reply_receive_in_order(struct pt_regs *regs) { return ipc(regs, REPLY_RECEIVE, RIGHT_RECEIVE); }

static void call_ended(struct pt_regs *regs)
{
	struct ipc_wait *w = &current_user_thread()->wait;

	if (regs->error == SYS_notification_signal) { /* it was set aside when all was done */
		regs->ax = 0;
	} else {
		regs->ax = (u64)(s64)ipc_wait_on(w, regs->error != SYS_ipc_call);
		object_put(&w->endpoint->object);
	}
	local_irq_disable();
	syscall_work(regs);
}

bool ipc_woken(struct thread *prev, struct pt_regs *regs)
{
	bool fault = regs->vector != VECTOR_SYSCALL;

	sched_arrive(prev);
	if (fault)
		fault_woken(regs);
	else
		call_ended(regs);
	return fault;
}

long sys_ipc_receive(struct pt_regs *regs) { return ipc(regs, RECEIVE, RIGHT_RECEIVE); }
long sys_ipc_reply(struct pt_regs *regs) { return ipc(regs, REPLY, RIGHT_RECEIVE); }

long sys_endpoint_create(struct pt_regs *regs)
{
	struct endpoint *e = endpoint_create();

	return open_new(e ? &e->object : NULL);
}

long sys_endpoint_bind(struct pt_regs *regs)
{
	int err;
	struct endpoint *e = get_object(regs->di, OBJECT_ENDPOINT, RIGHT_RECEIVE | RIGHT_MANAGE, &err);
	struct notification *n = e ? get_object(regs->si, OBJECT_NOTIFICATION, RIGHT_RECEIVE, &err) : NULL;

	if (n) {
		err = endpoint_bind(e, n);
		object_put(&n->object);
	}
	if (e)
		object_put(&e->object);
	return err;
}

long sys_notification_create(struct pt_regs *regs)
{
	struct notification *n = notification_create();

	return open_new(n ? &n->object : NULL);
}

long sys_notification_wait(struct pt_regs *regs)
{
	int err;
	struct notification *n = get_object(regs->di, OBJECT_NOTIFICATION, RIGHT_RECEIVE, &err);
	u64 bits, until = syscall_deadline(regs->si);
	struct user_thread *me = current_user_thread();

	if (!n)
		return err;
	me->waits_for = until == IPC_FOR_EVER && ipc_may_forget(regs) ? n : NULL;
	err = notification_wait(n, until, &bits);
	me->waits_for = NULL;
	object_put(&n->object);
	if (!err)
		regs->dx = bits;
	return err;
}
