/* I/O ports for user processes: each access is checked against the range that the handle stands for. */
#include "kernel/ports.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/printk.h"
#include "mm/kmalloc.h"

static void destroy(struct object *o) {}

struct ports *ports_create(u16 first, u16 count)
{
	struct ports *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	object_init(&p->object, OBJECT_PORTS, destroy);
	p->first = first;
	p->count = count;
	return p;
}

static int check(const struct ports *p, u64 port, u64 bytes)
{
	if (bytes != 1 && bytes != 2 && bytes != 4)
		return -EINVAL;
	return port < p->first || port >= (u64)p->first + p->count || bytes > (u64)p->first + p->count - port
		       ? -EFAULT
		       : 0;
}

int ports_in(const struct ports *p, u64 port, u64 bytes, u32 *value)
{
	int err = check(p, port, bytes);

	if (!err)
		*value = bytes == 1 ? inb((u16)port) : bytes == 2 ? inw((u16)port) : inl((u16)port);
	return err;
}

/* Not in the middle of a message of the kernel's. */
static void out_to_console(u16 port, u8 value)
{
	u64 flags = local_irq_save();

	console_lock();
	outb(port, value);
	printk_other_line(value != '\n');
	console_unlock();
	local_irq_restore(flags);
}

int ports_out(const struct ports *p, u64 port, u64 bytes, u32 value)
{
	int err = check(p, port, bytes);

	if (err)
		return err;
	if (p->console && port == p->first && bytes == 1)
		out_to_console((u16)port, (u8)value);
	else if (bytes == 1)
		outb((u16)port, (u8)value);
	else if (bytes == 2)
		outw((u16)port, (u16)value);
	else
		outl((u16)port, value);
	return 0;
}
