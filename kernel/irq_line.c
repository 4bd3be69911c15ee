/* A line's way from the interrupt controller to a user's notification. */
#include "kernel/irq_line.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/traps.h"
#include "lib/compiler.h"
#include "mm/kmalloc.h"

#define NR_LINES 16

static struct irq_line *lines[NR_LINES];
static SPINLOCK(bind_lock); /* for whom each line tells, and who may ask */

/* Who has found it in @lines has interrupts off, and it is freed after that. */
static void destroy(struct object *o)
{
	struct irq_line *l = container_of(o, struct irq_line, object);

	WRITE_ONCE(lines[l->irq], NULL);
	if (l->n)
		object_put(&l->n->object);
	irq_give_back(l->irq);
}

struct irq_line *irq_line_create(unsigned irq)
{
	struct irq_line *l = kzalloc(sizeof(*l)), *none = NULL;

	if (!l)
		return NULL;
	object_init(&l->object, OBJECT_IRQ, destroy);
	l->irq = irq;
	if (__atomic_compare_exchange_n(&lines[irq], &none, l, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return l;
	kfree(l);
	return NULL;
}

void irq_line_bind(struct irq_line *l, struct notification *n, u64 bits)
{
	struct notification *old;
	u64 flags;

	object_get(&n->object);
	flags = spin_lock_irqsave(&bind_lock);
	old = l->n;
	l->n = n;
	l->bits = bits;
	irq_unmask(l->irq);
	spin_unlock_irqrestore(&bind_lock, flags);
	if (old)
		object_put(&old->object);
	notification_signal(n, bits); /* what has come before is looked for now */
}

int irq_line_done(struct irq_line *l)
{
	if (!READ_ONCE(l->n))
		return -EINVAL;
	irq_unmask(l->irq);
	return 0;
}

/*
 * Masked under the lock: later, and it might have been bound anew meanwhile, to somebody who has already looked and wouldn't be
 * told. The notification isn't freed before interrupts are on.
 */
bool irq_line_raise(unsigned irq)
{
	struct irq_line *l = READ_ONCE(lines[irq]);
	struct notification *n;
	u64 bits, flags;

	if (!l)
		return false;
	flags = spin_lock_irqsave(&bind_lock);
	n = l->n;
	bits = l->bits;
	if (n)
		irq_mask(irq);
	spin_unlock_irqrestore(&bind_lock, flags);
	if (n)
		notification_signal(n, bits);
	return n;
}
