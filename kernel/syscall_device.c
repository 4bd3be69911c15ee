/* I/O ports and interrupt lines, as users ask for them. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "kernel/irq_line.h"
#include "kernel/ports.h"
#include "kernel/syscall_internal.h"

long sys_ports_in(struct pt_regs *regs)
{
	int err;
	struct ports *p = get_object(regs->di, OBJECT_PORTS, RIGHT_READ, &err);
	u32 value;

	if (!p)
		return err;
	err = ports_in(p, regs->si, regs->dx, &value);
	object_put(&p->object);
	if (!err)
		regs->dx = value;
	return err;
}

long sys_ports_out(struct pt_regs *regs)
{
	int err;
	struct ports *p = get_object(regs->di, OBJECT_PORTS, RIGHT_WRITE, &err);

	if (!p)
		return err;
	err = ports_out(p, regs->si, regs->dx, (u32)regs->r10);
	object_put(&p->object);
	return err;
}

long sys_irq_bind(struct pt_regs *regs)
{
	int err;
	struct irq_line *l = get_object(regs->di, OBJECT_IRQ, RIGHT_MANAGE, &err);
	struct notification *n = l ? get_object(regs->si, OBJECT_NOTIFICATION, RIGHT_SEND, &err) : NULL;

	if (n) {
		irq_line_bind(l, n, regs->dx);
		object_put(&n->object);
	}
	if (l)
		object_put(&l->object);
	return err;
}

long sys_irq_done(struct pt_regs *regs)
{
	int err;
	struct irq_line *l = get_object(regs->di, OBJECT_IRQ, RIGHT_RECEIVE, &err);

	if (!l)
		return err;
	err = irq_line_done(l);
	object_put(&l->object);
	return err;
}
