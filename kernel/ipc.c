/* Who waits where at an endpoint, and the copying of a message from one thread's registers to the other's. */
#include "kernel/ipc.h"

#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "kernel/memory_object.h"
#include "context/context.h"
#include "lib/compiler.h"
#include "lib/tracepoint.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "sched/timer.h"

/* Under the endpoint's lock, all that follow. Afterwards the wait may be gone, and the thread. */
static void finish(struct ipc_wait *w, int result)
{
	list_del(&w->link);
	w->result = result;
	w->done = true;
	thread_wake(w->thread);
}

static void copy_words(struct pt_regs *to, const struct pt_regs *from)
{
	to->si = from->si;
	to->dx = from->dx;
	to->r8 = from->r8;
	to->r9 = from->r9;
	to->r10 = from->r10;
	to->r12 = from->r12;
	to->r13 = from->r13;
	to->r14 = from->r14;
	to->r15 = from->r15;
}

/*
 * @to has it, and pays for it now, and @from has it no more. Until it has paid nobody finds what it is given. Neither handle that goes is
 * the last, as @from has a reference, too.
 */
static int hand_over(const struct ipc_party *from, const struct ipc_party *to, u32 *given)
{
	s64 new = handle_open_taken(to->handles, &from->grant);
	int err;

	if (new < 0)
		return (int)new;
	err = memory_object_pay(from->grant.object, to->account);
	if (err) {
		handle_close_taken(to->handles, (u32) new);
		return err;
	}
	handle_close_taken(from->handles, from->granted);
	handle_put_back(to->handles, (u32) new);
	*given = (u32) new;
	return 0;
}

/* The handle in @from's message, if there is one, with all its rights and its badge: one more, for @to, or that one. */
static int give_handle(const struct ipc_party *from, const struct ipc_party *to, u32 *given)
{
	struct handle h;
	s64 new;
	int err;

	*given = 0;
	if (likely(!from->regs->bx))
		return 0;
	if (!from->handles || !to->handles)
		return -EINVAL;
	if (from->grant.object)
		return hand_over(from, to, given);
	err = handle_find_any(from->handles, (u32)from->regs->bx, RIGHT_DUPLICATE, &h);
	if (err)
		return err;
	new = handle_open(to->handles, h.object, h.rights, h.badge);
	if (new < 0)
		return (int)new;
	*given = (u32) new;
	return 0;
}

/* The message; when it can't be given, nothing has changed. */
static int deliver(const struct ipc_party *from, const struct ipc_party *to)
{
	u32 given;
	int err = give_handle(from, to, &given);

	if (err)
		return err;
	copy_words(to->regs, from->regs);
	to->regs->bx = given;
	return 0;
}

static int deliver_call(struct endpoint *e, struct ipc_wait *caller, const struct ipc_party *to)
{
	int err = deliver(caller->party, to);

	if (err)
		return err;
	to->regs->di = caller->badge;
	to->regs->bp = (u64)caller->thread->tid;
	caller->server = to->handles;
	list_add_tail(&caller->link, &e->served);
	return 0;
}

static struct ipc_wait *first(struct list_head *list)
{
	return list_entry(list->next, struct ipc_wait, link);
}

static struct ipc_wait *find_served(struct endpoint *e, u64 token)
{
	struct ipc_wait *w;

	list_for_each_entry(w, &e->served, link)
		if ((u64)w->thread->tid == token)
			return w;
	return NULL;
}

/* Blocks until somebody has finished @w. Called with the lock, which is free afterwards. */
static int wait_for(struct endpoint *e, struct ipc_wait *w, u64 flags, u64 deadline)
{
	while (!w->done) {
		bool late = time_after_deadline(deadline);

		/* Before the look: who kills it says so first and then wakes it, without our lock. */
		__atomic_store_n(&w->thread->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
		if (late || READ_ONCE(w->thread->killed)) {
			__atomic_store_n(&w->thread->state, THREAD_RUNNABLE, __ATOMIC_SEQ_CST);
			list_del(&w->link);
			w->result = late ? -ETIMEDOUT : -EINTR;
			break;
		}
		spin_unlock_irqrestore(&e->lock, flags);
		if (deadline == IPC_FOR_EVER)
			schedule();
		else
			schedule_until(deadline);
		flags = spin_lock_irqsave(&e->lock);
		__atomic_store_n(&w->thread->state, THREAD_RUNNABLE, __ATOMIC_SEQ_CST);
	}
	w->done = false;
	spin_unlock_irqrestore(&e->lock, flags);
	return w->result;
}

static const char *comm_of_caller(pid_t tid, char comm[COMM_SIZE])
{
	return tid ? comm_of(tid, comm) : comm; /* bits come from nobody */
}

static int received(struct endpoint *e, const struct pt_regs *regs, int err)
{
	if (!err)
		tracepoint(ipc_receive, comm_of_caller((pid_t)regs->bp, (char[COMM_SIZE]){}), (pid_t)regs->bp,
			   e, regs->di, regs->si, (u32)regs->bx);
	return err;
}

int ipc_wait_on(struct ipc_wait *w, bool receives)
{
	struct endpoint *e = w->endpoint;
	int err = wait_for(e, w, spin_lock_irqsave(&e->lock), IPC_FOR_EVER);

	return receives ? received(e, w->party->regs, err) : err;
}

/* Its own is as always, but for where and by whose badge. */
static struct ipc_wait *wait_begin(struct ipc_wait *own, struct endpoint *e, const struct ipc_party *me)
{
	if (me->wait)
		own = me->wait;
	else
		*own = (struct ipc_wait){ .thread = current(), .party = me };
	own->endpoint = e;
	return own;
}

int ipc_call(struct endpoint *e, u64 badge, const struct ipc_party *me, u64 deadline)
{
	struct ipc_wait own, *w = wait_begin(&own, e, me);
	u64 flags;
	int err;

	flags = spin_lock_irqsave(&e->lock);
	tracepoint(ipc_send, e->receiver, e, badge, me->regs->si, (u32)me->regs->bx);
	err = e->dead ? -EPIPE : 0;
	w->badge = badge;
	if (!err && list_empty(&e->receivers)) {
		list_add_tail(&w->link, &e->callers);
	} else if (!err) {
		struct ipc_wait *r = first(&e->receivers);

		err = deliver_call(e, w, r->party);
		if (!err)
			finish(r, 0);
	}
	if (!err)
		return wait_for(e, w, flags, deadline);
	spin_unlock_irqrestore(&e->lock, flags);
	return err;
}

/* Bits of the bound notification instead of a message; false: there are none. */
static bool deliver_bits(struct endpoint *e, struct pt_regs *to)
{
	u64 bits = e->notification ? notification_take(e->notification) : 0;

	if (!bits)
		return false;
	to->si = bits;
	to->di = to->bp = to->bx = 0;
	return true;
}

int endpoint_bind(struct endpoint *e, struct notification *n)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	struct endpoint *none = NULL;
	int err = e->notification || !__atomic_compare_exchange_n(&n->endpoint, &none, e, false,
								  __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
			  ? -EBUSY
			  : 0;

	if (!err) {
		object_get(&n->object);
		e->notification = n;
	}
	spin_unlock_irqrestore(&e->lock, flags);
	if (!err)
		endpoint_notified(e);
	return err;
}

void endpoint_notified(struct endpoint *e)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	struct ipc_wait *r = list_empty(&e->receivers) ? NULL : first(&e->receivers);

	if (r && deliver_bits(e, r->party->regs))
		finish(r, 0);
	spin_unlock_irqrestore(&e->lock, flags);
}

/* The first caller whose message can be had; the others fail. Called with the lock, which is free afterwards. */
static int receive(struct endpoint *e, const struct ipc_party *me, u64 flags, u64 deadline)
{
	struct ipc_wait own, *w;
	int err = e->dead ? -EPIPE : deliver_bits(e, me->regs) ? 0 : -EAGAIN;

	__builtin_memcpy(e->receiver, current()->comm, COMM_SIZE);
	while (err == -EAGAIN && !list_empty(&e->callers)) {
		struct ipc_wait *caller = first(&e->callers);

		list_del(&caller->link);
		err = deliver_call(e, caller, me);
		if (err) {
			finish(caller, err);
			err = -EAGAIN;
		}
	}
	if (err == -EAGAIN) {
		w = wait_begin(&own, e, me);
		list_add_tail(&w->link, &e->receivers);
		return wait_for(e, w, flags, deadline);
	}
	spin_unlock_irqrestore(&e->lock, flags);
	return err;
}

int ipc_receive(struct endpoint *e, const struct ipc_party *me, u64 deadline)
{
	return received(e, me->regs, receive(e, me, spin_lock_irqsave(&e->lock), deadline));
}

static int reply(struct endpoint *e, const struct ipc_party *me)
{
	struct ipc_wait *caller = find_served(e, me->regs->bp);
	int err = caller ? deliver(me, caller->party) : -ENOENT;

	if (err)
		return err;
	tracepoint(ipc_reply, caller->thread->comm, caller->thread->tid, e, me->regs->si, (u32)me->regs->bx);
	finish(caller, 0);
	return 0;
}

int ipc_reply(struct endpoint *e, const struct ipc_party *me)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	int err = reply(e, me);

	spin_unlock_irqrestore(&e->lock, flags);
	return err;
}

int ipc_reply_receive(struct endpoint *e, const struct ipc_party *me, u64 deadline)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	int err = reply(e, me);

	if (!err)
		return received(e, me->regs, receive(e, me, flags, deadline));
	spin_unlock_irqrestore(&e->lock, flags);
	return err;
}

static void fail_all(struct list_head *waits, const struct handles *server)
{
	struct ipc_wait *w, *next;

	list_for_each_entry_safe(w, next, waits, link)
		if (!server || w->server == server)
			finish(w, -EPIPE);
}

void endpoint_abandon(struct endpoint *e, const struct handles *server)
{
	u64 flags = spin_lock_irqsave(&e->lock);

	fail_all(&e->served, server);
	spin_unlock_irqrestore(&e->lock, flags);
}

/* Without the lock: the handle may come with a message, and its endpoint be the one that carries it. */
static void opened(struct object *o, u32 rights)
{
	if (rights & RIGHT_RECEIVE)
		__atomic_fetch_add(&container_of(o, struct endpoint, object)->open, 1, __ATOMIC_RELAXED);
}

/* The last that might receive: who waits waits in vain. */
static void closed(struct object *o, u32 rights)
{
	struct endpoint *e = container_of(o, struct endpoint, object);
	u64 flags;

	if (!(rights & RIGHT_RECEIVE) || __atomic_sub_fetch(&e->open, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	flags = spin_lock_irqsave(&e->lock);
	e->dead = true;
	fail_all(&e->callers, NULL);
	fail_all(&e->served, NULL);
	fail_all(&e->receivers, NULL);
	spin_unlock_irqrestore(&e->lock, flags);
}

static void abandoned(struct object *o, const struct handles *by)
{
	endpoint_abandon(container_of(o, struct endpoint, object), by);
}

static void destroy(struct object *o)
{
	struct notification *n = container_of(o, struct endpoint, object)->notification;

	if (n) {
		WRITE_ONCE(n->endpoint,
			   NULL); /* who found it has interrupts off, and it is freed after that */
		object_put(&n->object);
	}
}

struct endpoint *endpoint_create(void)
{
	struct endpoint *e = kzalloc(sizeof(*e));

	if (!e)
		return NULL;
	object_init(&e->object, OBJECT_ENDPOINT, destroy);
	e->object.opened = opened;
	e->object.closed = closed;
	e->object.abandoned = abandoned;
	e->lock = (struct spinlock)SPINLOCK_INIT(endpoint);
	list_init(&e->callers);
	list_init(&e->served);
	list_init(&e->receivers);
	return e;
}
