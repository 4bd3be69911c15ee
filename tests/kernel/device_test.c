/* Ports and interrupt lines by handle: what is allowed, what isn't, and that an interrupt arrives and may come again. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "kernel/irq_line.h"
#include "kernel/ports.h"
#include "kernel/traps.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"
#include "trace/clock.h"

#define SCRATCH 0x3ff /* COM1's scratch register: it keeps what is written */

static s64 give(struct user_process *u, struct object *o, u32 rights)
{
	s64 h = process_give(u->process, o, rights, 0);

	EXPECT(h > 0);
	return h;
}

KTEST(port, are_for_who_has_them)
{
	struct ports *p = ports_create(0x3fc, 4);
	struct user_process u;
	s64 all, in, out;

	if (!p || !user_process(&u, "ports"))
		return;
	all = give(&u, &p->object, RIGHTS_ALL);
	in = give(&u, &p->object, RIGHT_READ);
	out = give(&u, &p->object, RIGHT_WRITE);
	{
		struct user_call calls[] = {
			{ SYS_ports_out, { (u64)all, SCRATCH, 1, 0x5a }, 1, 0 },
			{ SYS_ports_in, { (u64)all, SCRATCH, 1 }, 1, 0 },
			{ SYS_ports_out, { (u64)out, SCRATCH, 1, 0xa5 }, 1, 0 },
			{ SYS_ports_in, { (u64)in, SCRATCH, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)out, SCRATCH, 1 }, 1, 0 },
			{ SYS_ports_out, { (u64)in, SCRATCH, 1, 0 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, SCRATCH, 2 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, 0x3fb, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, 0x400, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, 0x103ff, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, ~0ul, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, SCRATCH, 0 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, 0x3fc, 3 }, 1, 0 },
			{ SYS_ports_in, { (u64)all, 0x3fc, 8 }, 1, 0 },
			{ SYS_ports_in, { 0, SCRATCH, 1 }, 1, 0 },
			{ SYS_ports_in, { (u64)all + 500, SCRATCH, 1 }, 1, 0 },
		};
		const struct {
			s64 result;
			u64 dx;
		} want[] = { { 0, 1 },	     { 0, 0x5a },    { 0, 1 },	     { 0, 0xa5 },
			     { -EACCES, 1 }, { -EACCES, 1 }, { -EFAULT, 2 }, { -EFAULT, 1 },
			     { -EFAULT, 1 }, { -EFAULT, 1 }, { -EFAULT, 1 }, { -EINVAL, 0 },
			     { -EINVAL, 3 }, { -EINVAL, 8 }, { -EBADF, 1 },  { -EBADF, 1 } };

		EXPECT_EQ(user_process_calls(&u, calls, ARRAY_SIZE(calls)), 0);
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			EXPECT_EQ((s64)calls[i].result, want[i].result);
			if (!want[i].result && calls[i].number == SYS_ports_in)
				EXPECT_EQ(calls[i].dx, want[i].dx);
		}
	}
	object_put(&p->object);
	user_processes_settle();
}

/*
 * The keyboard's controller, an i8042, takes a byte that is to be as if it had been typed. Nobody else has its line.
 */
#define KEYBOARD_IRQ	  1
#define I8042_DATA	  0x60
#define I8042_COMMAND	  0x64 /* its status, when read */
#define STATUS_OUTPUT	  0x01
#define STATUS_INPUT	  0x02
#define READ_CONFIG	  0x20
#define WRITE_CONFIG	  0x60
#define WRITE_OUTPUT	  0xd2
#define CONFIG_INTERRUPTS 0x01
#define CONFIG_DISABLED	  0x10 /* the keyboard, and with it the interrupts */

static void i8042_out(u16 port, u8 value)
{
	while (inb(I8042_COMMAND) & STATUS_INPUT)
		cpu_relax();
	outb(port, value);
}

static void untype(void)
{
	while (inb(I8042_COMMAND) & STATUS_OUTPUT)
		inb(I8042_DATA);
}

/* What it was set to. */
static u8 i8042_begin(void)
{
	u8 config;

	untype();
	i8042_out(I8042_COMMAND, READ_CONFIG);
	while (!(inb(I8042_COMMAND) & STATUS_OUTPUT))
		cpu_relax();
	config = inb(I8042_DATA);
	i8042_out(I8042_COMMAND, WRITE_CONFIG);
	i8042_out(I8042_DATA, (config | CONFIG_INTERRUPTS) & ~CONFIG_DISABLED);
	return config;
}

static void i8042_end(u8 config)
{
	i8042_out(I8042_COMMAND, WRITE_CONFIG);
	i8042_out(I8042_DATA, config);
}

static void type(char c)
{
	i8042_out(I8042_COMMAND, WRITE_OUTPUT);
	i8042_out(I8042_DATA, (u8)c);
}

static bool arrives(struct notification *n, u64 ns)
{
	u64 bits;

	return notification_wait(n, trace_clock() + ns, &bits) == 0 && bits == 4;
}

KTEST(irq, arrives_and_is_masked_until_it_is_done)
{
	struct notification *n = notification_create(), *second = notification_create();
	struct irq_line *l = irq_line_create(KEYBOARD_IRQ);

	u8 config;

	if (!n || !second || !l) {
		EXPECT(false);
		return;
	}
	config = i8042_begin();
	EXPECT(!irq_line_create(KEYBOARD_IRQ));
	EXPECT_EQ(irq_line_done(l), -EINVAL);
	irq_line_bind(l, n, 4);
	EXPECT(arrives(n, 0)); /* what may have come before, as the answer to i8042_begin() */
	EXPECT_EQ(irq_line_done(l), 0);
	EXPECT_EQ(notification_take(n), 0);
	type('a');
	EXPECT(arrives(n, IPC_FOR_EVER / 2));
	untype();
	type('b'); /* it is masked */
	EXPECT_EQ(notification_take(n), 0);
	EXPECT_EQ(irq_line_done(l), 0);
	EXPECT(arrives(n, IPC_FOR_EVER / 2));
	untype();
	irq_line_bind(l, second, 4);
	EXPECT(arrives(second, 0));
	type('c');
	EXPECT(arrives(second, IPC_FOR_EVER / 2));
	EXPECT_EQ(notification_take(n), 0);
	untype();
	i8042_end(config);
	object_put(&l->object);
	object_put(&n->object);
	object_put(&second->object);
}

static volatile bool raised_enough;

static int raise(void *arg)
{
	while (!raised_enough) {
		u64 flags = local_irq_save();

		irq_line_raise(KEYBOARD_IRQ);
		local_irq_restore(flags);
		cpu_relax();
	}
	return 0;
}

/* Each is told by its own bits. */
KTEST(irq, bound_anew_while_it_asks)
{
	struct notification *n[2] = { notification_create(), notification_create() };
	struct irq_line *l = irq_line_create(KEYBOARD_IRQ);
	struct thread *t;
	u64 seen[2] = { 0, 0 };
	u8 config;

	if (!n[0] || !n[1] || !l) {
		EXPECT(false);
		return;
	}
	config = i8042_begin();
	raised_enough = false;
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): one CPU is up at least */
	t = thread_create("raise", raise, NULL, PRIORITY_DEFAULT, 1u << (nr_cpus_up() - 1));
	EXPECT(t);
	for (unsigned i = 0; t && i < stressed(2000); i++) {
		irq_line_bind(l, n[i % 2], 1ul << i % 2);
		seen[0] |= notification_take(n[0]);
		seen[1] |= notification_take(n[1]);
	}
	raised_enough = true;
	if (t)
		thread_join(t);
	for (unsigned i = 0; i < 2; i++) /* the last one may have come after the last look */
		seen[i] |= notification_take(n[i]);
	EXPECT_EQ(seen[0], 1);
	EXPECT_EQ(seen[1], 2);
	irq_line_bind(l, n[0], 4);
	EXPECT(arrives(n[0], 0));
	type('d');
	EXPECT(arrives(n[0], IPC_FOR_EVER / 2));
	untype();
	i8042_end(config);
	object_put(&l->object);
	object_put(&n[0]->object);
	object_put(&n[1]->object);
}

KTEST(irq, asks_for_rights)
{
	struct notification *n = notification_create();
	struct irq_line *l = irq_line_create(KEYBOARD_IRQ);
	struct user_process u;
	s64 irq, weak, note;

	if (!n || !l || !user_process(&u, "irq"))
		return;
	irq = give(&u, &l->object, RIGHTS_ALL);
	weak = give(&u, &l->object, RIGHTS_ALL & ~(RIGHT_MANAGE | RIGHT_RECEIVE));
	note = give(&u, &n->object, RIGHT_SEND);
	{
		struct user_call calls[] = {
			{ SYS_irq_done, { (u64)irq }, 1, 0 },
			{ SYS_irq_bind, { (u64)weak, (u64)note, 1 }, 1, 0 },
			{ SYS_irq_bind, { (u64)irq, (u64)irq, 1 }, 1, 0 },
			{ SYS_irq_bind, { (u64)note, (u64)irq, 1 }, 1, 0 },
			{ SYS_irq_bind, { (u64)irq, 0, 1 }, 1, 0 },
			{ SYS_irq_bind, { (u64)irq, (u64)note, 1 }, 1, 0 },
			{ SYS_irq_done, { (u64)weak }, 1, 0 },
			{ SYS_irq_done, { (u64)note }, 1, 0 },
			{ SYS_irq_done, { (u64)irq }, 1, 0 },
		};
		static const s64 want[] = {
			-EINVAL, -EACCES, -EINVAL, -EINVAL, -EBADF, 0, -EACCES, -EINVAL, 0
		};

		EXPECT_EQ(user_process_calls(&u, calls, ARRAY_SIZE(calls)), 0);
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
			EXPECT_EQ((s64)calls[i].result, want[i]);
	}
	EXPECT_EQ(notification_take(n), 1); /* binding says that something may have come */
	object_put(&l->object);
	object_put(&n->object);
	user_processes_settle();
}
