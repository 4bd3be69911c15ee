/* From the kernel's start to init's: objects for what the kernel has, a handle for each, and a page that says which is which. */
#include "kernel/init.h"

#include "abi/boot.h"
#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/serial.h"
#include "kernel/boot_time.h"
#include "kernel/irq_line.h"
#include "kernel/memory_object.h"
#include "kernel/ports.h"
#include "kernel/program.h"
#include "kernel/script.h"
#include "kernel/syscall_internal.h"
#include "lib/bug.h"
#include "mm/kmalloc.h"

#define COM1_PORTS    0x3f8
#define COM1_NR_PORTS 8

/* What is @o's creator's no more; 0: there was none. */
static u32 give(struct process *p, struct object *o, u32 rights)
{
	s64 h = o ? process_give(p, o, rights, 0) : -ENOMEM;

	object_put(o);
	if (h < 0)
		panic("init: no handle: %s", strerror((int)h));
	return (u32)h;
}

static void destroy(struct object *o) {}

static struct object *trace_object(void)
{
	struct object *o = kzalloc(sizeof(*o));

	if (o)
		object_init(o, OBJECT_TRACE, destroy);
	return o;
}

static u32 give_memory(struct process *p, const void *data, u64 bytes)
{
	struct memory *m = memory_create((bytes + PAGE_SIZE - 1) / PAGE_SIZE);

	if (!m || memory_write(m, 0, data, bytes) != 0)
		panic("init: no memory for %lu bytes", bytes);
	return give(p, memory_object(m), RIGHT_READ | RIGHT_DUPLICATE);
}

static void give_script(struct process *p, struct boot_handles *b)
{
	struct script s;

	if (!script_fetch(&s))
		return;
	b->script = give_memory(p, s.text, s.bytes ?: 1);
	b->script_bytes = s.bytes;
	script_free(&s);
}

static void give_all(struct process *p, struct boot_handles *b)
{
	struct ports *ports = ports_create(COM1_PORTS, COM1_NR_PORTS);
	struct irq_line *irq = irq_line_create(COM1_IRQ);

	if (ports)
		ports->console = true;
	b->self = give(p, (object_get(&p->object), &p->object), RIGHTS_ALL);
	b->trace = give(p, trace_object(), RIGHTS_ALL);
	b->com1_ports = give(p, ports ? &ports->object : NULL, RIGHTS_ALL);
	b->com1_irq = give(p, irq ? &irq->object : NULL, RIGHTS_ALL);
	b->archive_bytes = boot_info.module.size;
	b->archive = give_memory(p, phys_to_virt(boot_info.module.base), b->archive_bytes);
	give_script(p, b);
}

void init_run(void)
{
	struct notification *ended = notification_create();
	struct boot_handles b = { 0 };
	struct archive_file f;
	struct elf_program prog;
	const char *why;
	struct process *p;
	int err, status;
	u64 bits;

	p = program_find("init", &f, &why) ? program_create("init", &f, &prog, &why) : NULL;
	if (!p)
		panic("init can't be started: %s", why);
	give_all(p, &b);
	/* What its first instruction is in: a fault there would be one before the first program's first step. */
	if (space_fault(p->space, prog.entry, 0) != 0)
		panic("init can't be started: its entry %lx isn't there", prog.entry);
	boot_time_await_user();
	err = ended ? process_watch(p, ended, 1) : -ENOMEM;
	err = err ?: program_begin(p, &prog, &b, sizeof(b), PRIORITY_DEFAULT);
	if (err)
		panic("init can't be started: %s", strerror(err));
	notification_wait(ended, IPC_FOR_EVER, &bits);
	process_status(p, &status);
	panic("init has ended, with status %d", status);
}
