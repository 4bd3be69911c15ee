/* Bits that are set and taken, and who waits for them. */
#include "kernel/notification.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "kernel/ipc.h"
#include "lib/compiler.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"

static void destroy(struct object *o) {}

struct notification *notification_create(void)
{
	struct notification *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	object_init(&n->object, OBJECT_NOTIFICATION, destroy);
	wait_queue_init(&n->waiters, "notification");
	return n;
}

u64 notification_take(struct notification *n) { return __atomic_exchange_n(&n->bits, 0, __ATOMIC_ACQ_REL); }

/* Interrupts off: the endpoint isn't freed meanwhile. */
void notification_tell(struct notification *n)
{
	struct endpoint *e;

	wake_one(&n->waiters);
	e = READ_ONCE(n->endpoint);
	if (e)
		endpoint_notified(e);
}

void notification_signal(struct notification *n, u64 bits)
{
	u64 flags = local_irq_save();

	preempt_disable();
	if (notification_set(n, bits))
		notification_tell(n);
	local_irq_restore(flags);
	preempt_enable();
}

int notification_wait(struct notification *n, u64 deadline, u64 *bits)
{
	bool killed = false;

	*bits = 0;
	wait_event_until(&n->waiters,
			 (*bits = notification_take(n)) || (killed = READ_ONCE(current()->killed)), deadline);
	if (*bits)
		return 0;
	return killed ? -EINTR : -ETIMEDOUT;
}
