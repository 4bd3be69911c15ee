/* Processes made to be, at the right moment, in a system call, in a fault, and in the middle of a message. */
#include "tests/kernel/contexts_user.h"

#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/entry/vectors.h"
#include "kernel/ipc.h"
#include "lib/ktest.h"
#include "sched/thread.h"
#include "tests/kernel/ring3.h"
#include "tests/kernel/user_process.h"

static_assert(WORDS_BASE == USER_PAGE_TOUCHED, "its words are the page");

static void (*happens)(void);

/* What closes a handle of this is a system call. */
static struct object door;
static void closed(struct object *o, u32 rights) { happens(); }

void in_syscall(void (*event)(void))
{
	struct user_call close = { SYS_handle_close, { 0 }, 1, 0 };
	struct user_process u;

	if (!user_process(&u, "caller"))
		return;
	object_init(&door, OBJECT_TRACE, NULL); /* it stays */
	door.closed = closed;
	happens = event;
	close.args[0] = (u64)process_give(u.process, &door, RIGHT_READ, 0);
	EXPECT_EQ(user_process_calls(&u, &close, 1), 0);
	EXPECT_EQ(close.result, 0);
	user_processes_settle();
}

static void witness(struct pt_regs *regs) { happens(); }

void in_user_exception(void (*event)(void))
{
	happens = event;
	ring3_witness = witness;
	EXPECT_EQ(ring3_run(ring3_ud, 0), X86_TRAP_UD);
	ring3_witness = NULL;
}

void user_touches_page(void)
{
	EXPECT_EQ(user_process_run(up_write, WORDS_BASE, 0), 0);
	user_processes_settle();
}

static bool begin(struct user_process *u, const char *name, struct endpoint *e, u32 rights, const u8 *program,
		  u64 arg)
{
	s64 h;

	if (!user_process(u, name))
		return false;
	h = process_give(u->process, &e->object, rights, 0);
	return h > 0 && user_process_start(u, program, (u64)h, arg, PRIORITY_DEFAULT);
}

static bool waits(struct endpoint *e)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	bool yes = !list_empty(&e->receivers);

	spin_unlock_irqrestore(&e->lock, flags);
	return yes;
}

/* Several, since one goes another way if somebody asks for the CPU just then. */
#define CALLS 5

void user_message(void)
{
	struct endpoint *e = endpoint_create();
	struct user_process server, client;

	if (!e || !begin(&server, "server", e, RIGHT_RECEIVE, up_server, 0))
		return;
	while (!waits(e))
		thread_yield();
	if (begin(&client, "client", e, RIGHT_SEND, up_client, CALLS))
		EXPECT_EQ(user_process_end(&client), 0);
	process_kill(server.process, 9);
	EXPECT_EQ(user_process_end(&server), 9);
	user_processes_settle();
	object_put(&e->object);
}
