/* Memory that goes with a message: from who had it, with its mappings and what it costs, to who receives. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/memory_object.h"
#include "lib/ktest.h"
#include "rcu/rcu.h"
#include "tests/kernel/ipc_scene.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

static_assert(SYS_handle_close == 4, "user_programs.asm has it so");

#define GRANT_BASE 0x800000ul /* grant_programs.inc has it, too */
#define PAGES	   4
#define COST	   (PAGES + 1) /* and the table of their frames */
#define GONE	   (STATUS_FAULT - 14)

/* A process with memory, mapped in three places, and what becomes of both. */
struct giver {
	struct user_process u;
	struct memory *memory, *words;
	struct account *account;
	u32 h;
	u64 endpoint;
	s64 called, closed; /* what the program was told */
};

static struct account *receivers;
static struct pt_regs r;
static struct ipc_party me;

static bool map(struct giver *g, u64 va, size_t first, size_t pages, u32 rights)
{
	return space_map(g->u.process->space, va, pages, g->memory, first, rights) == 0;
}

static bool giver_begin(struct giver *g, bool sealed, u32 rights)
{
	u32 more = sealed ? RIGHT_EXECUTE : RIGHT_WRITE;
	u64 word = 77;
	struct object *o;

	ipc_scene_begin();
	receivers = account_create(NULL);
	me = (struct ipc_party){ .regs = &r, .handles = &ipc_server, .account = receivers };
	if (!user_process(&g->u, "giver"))
		return false;
	g->account = g->u.process->account;
	account_get(g->account);
	g->words = g->u.words;
	memory_get(g->words);
	g->memory = memory_create(PAGES);
	memory_get(g->memory); /* for us, to look at it at the end */
	EXPECT_EQ(memory_write(g->memory, 0, &word, sizeof(word)), 0);
	EXPECT_EQ(sealed ? memory_seal(g->memory) : 0, 0);
	EXPECT_EQ(memory_charge(g->memory, g->account), 0);
	o = memory_object(g->memory);
	EXPECT_EQ(object_charge(o, g->account, 0, 0), 0);
	g->h = (u32)process_give(g->u.process, o, rights, 0);
	object_put(o);
	g->endpoint = (u64)process_give(g->u.process, &ipc_endpoint->object, RIGHT_SEND | RIGHT_DUPLICATE, 0);
	return map(g, GRANT_BASE, 0, 2, RIGHT_READ | more) && map(g, 0x900000, 0, PAGES, RIGHT_READ) &&
	       map(g, 0x10000000, 3, 1, RIGHT_READ | more);
}

/* The program's status. */
static int giver_end(struct giver *g)
{
	int status = user_process_end(&g->u);

	EXPECT_EQ(memory_read(g->words, 0, &g->called, sizeof(g->called)), 0);
	EXPECT_EQ(memory_read(g->words, 8, &g->closed, sizeof(g->closed)), 0);
	memory_put(g->words);
	return status;
}

/* Nobody has it any more, and nobody pays. */
static void all_gone(struct giver *g)
{
	user_processes_settle();
	EXPECT_EQ(g->memory->refs, 1);
	account_uncharge(g->memory->account, ACCOUNT_PAGES, COST); /* ours is the last */
	for (int k = 0; k < NR_ACCOUNT_KINDS; k++) {
		EXPECT_EQ(g->account->used[k], 0);
		EXPECT_EQ(receivers->used[k], 0);
	}
	EXPECT_EQ(account_charge(g->memory->account, ACCOUNT_PAGES, COST), 0);
	memory_put(g->memory);
	account_put(g->account);
	account_put(receivers);
}

static bool mapped(struct giver *g, u64 va)
{
	u64 word;

	return space_read(g->u.process->space, va, &word, sizeof(word)) == 0;
}

static void start_program(struct giver *g, const u8 *program, u64 endpoint, u64 given)
{
	if (!user_process_start(&g->u, program, endpoint, given, PRIORITY_DEFAULT))
		process_kill(g->u.process, -1);
}

static void start(struct giver *g, u64 given) { start_program(g, up_grant, g->endpoint, given); }

static bool has(struct handles *t, u32 h, u32 rights)
{
	struct handle found;
	u64 flags = local_irq_save();
	bool there = handle_find_any(t, h, 0, &found) == 0;

	local_irq_restore(flags);
	return there && found.rights == rights && found.object->type == OBJECT_MEMORY;
}

static void grant(bool sealed)
{
	struct giver g;
	u64 used, word = 0;

	if (!giver_begin(&g, sealed, RIGHTS_ALL))
		return;
	used = g.account->used[ACCOUNT_PAGES];
	start(&g, g.h | IPC_GRANT);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	EXPECT(r.bx && r.bx >> 32 == 0 && has(&ipc_server, (u32)r.bx, RIGHTS_ALL));
	EXPECT(!has(&g.u.process->handles, g.h, RIGHTS_ALL));
	EXPECT(!mapped(&g, GRANT_BASE) && !mapped(&g, 0x900000) && !mapped(&g, 0x10000000));
	EXPECT(mapped(&g, WORDS_BASE) && mapped(&g, STACK_BASE));
	EXPECT_EQ(memory_read(g.memory, 0, &word, sizeof(word)), 0);
	EXPECT_EQ(word, 77);
	EXPECT_EQ(receivers->used[ACCOUNT_PAGES], COST);
	EXPECT_EQ(receivers->used[ACCOUNT_OBJECTS], 1);
	/* It has had page tables made since; so much less, and what these cost. */
	EXPECT_EQ(g.account->used[ACCOUNT_PAGES] + COST - g.u.process->space->nr_tables -
			  TASK_STACK_SIZE / PAGE_SIZE,
		  used);
	EXPECT_EQ(memory_seal(g.memory), 0); /* nobody writes it, or nobody ever could */
	EXPECT_EQ(handle_close(&ipc_server, (u32)r.bx), 0);
	r.bx = 0;
	EXPECT_EQ(ipc_reply(ipc_endpoint, &me), 0);
	EXPECT_EQ(giver_end(&g), GONE);
	EXPECT_EQ(g.called, 0);
	EXPECT_EQ(g.closed, -EBADF);
	ipc_scene_end();
	all_gone(&g);
}

KTEST(ipc_grant, memory_changes_hands)
{
	grant(false);
}
KTEST(ipc_grant, sealed_memory_does_too)
{
	grant(true);
}

/* With an error before anything is sent all is as before. */
static void refused(u32 rights, bool endpoint, u64 more, int err)
{
	struct giver g;

	if (!giver_begin(&g, false, rights))
		return;
	start(&g, (endpoint ? g.endpoint : g.h) | more);
	EXPECT_EQ(giver_end(&g), 0);
	EXPECT_EQ(g.called, err);
	EXPECT_EQ(g.closed, 0);
	ipc_scene_end();
	all_gone(&g);
}

KTEST(ipc_grant, what_cannot_be_given_away_stays)
{
	refused(RIGHTS_ALL, true, IPC_GRANT, -EINVAL);
	refused(RIGHTS_ALL & ~RIGHT_DUPLICATE, false, IPC_GRANT, -EACCES);
	refused(RIGHTS_ALL, false, IPC_GRANT << 1, -EINVAL);
	refused(RIGHTS_ALL, false, IPC_GRANT | IPC_GRANT << 31, -EINVAL);
}

/* Somebody else has it, too: by a handle, mapped, or as who has found it in a system call and not yet done what for. */
enum other { A_HANDLE, ANOTHERS_HANDLE, ANOTHERS_MAPPING, A_SYSTEM_CALL };

static void shared(enum other how)
{
	struct space *space = space_create();
	struct object *o;
	struct giver g;
	s64 h = 0;
	int err;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	o = handle_object(&g.u.process->handles, g.h, OBJECT_MEMORY, 0, &err);
	if (how == A_HANDLE)
		EXPECT(handle_duplicate(&g.u.process->handles, g.h, RIGHT_READ, 0) > 0);
	else if (how == ANOTHERS_HANDLE)
		h = handle_open(&ipc_client, o, RIGHT_READ, 0);
	else if (how == ANOTHERS_MAPPING)
		EXPECT_EQ(space_map(space, GRANT_BASE, 1, g.memory, 0, RIGHT_READ), 0);
	if (how != A_SYSTEM_CALL)
		object_put(o);
	start_program(&g, up_grant, g.endpoint | IPC_DONT_WAIT << IPC_TIMEOUT_SHIFT, g.h | IPC_GRANT);
	EXPECT_EQ(giver_end(&g), GONE);
	EXPECT_EQ(g.called, -EBUSY);
	EXPECT_EQ(g.closed, 0);
	if (h)
		EXPECT_EQ(handle_close(&ipc_client, (u32)h), 0);
	if (how == A_SYSTEM_CALL)
		object_put(o);
	space_put(space);
	ipc_scene_end();
	all_gone(&g);
}

/* Or who receives would pay for what others have, for as long as they like. */
KTEST(ipc_grant, what_others_have_too_is_not_given)
{
	for (enum other how = A_HANDLE; how <= A_SYSTEM_CALL; how++)
		shared(how);
}

static int receive_one(void *arg) { return ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER); }

/* The receiver can't pay: the giver keeps the handle, and the receiver waits for the next. */
KTEST(ipc_grant, who_cannot_pay_gets_nothing)
{
	struct pt_regs mine;
	struct ipc_party other = { .regs = &mine, .handles = &ipc_client };
	struct thread *receiver;
	struct giver g;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	receivers->limit[ACCOUNT_PAGES] = COST - 1;
	receiver = ipc_start(receive_one, NULL);
	start(&g, g.h | IPC_GRANT);
	EXPECT_EQ(giver_end(&g), GONE);
	EXPECT_EQ(g.called, -ENOMEM);
	EXPECT_EQ(g.closed, 0);
	EXPECT_EQ(receivers->used[ACCOUNT_PAGES], 0);
	EXPECT_EQ(receivers->used[ACCOUNT_OBJECTS], 0);
	EXPECT_EQ(ipc_server.count, 1);
	ipc_fill(&mine, 5);
	EXPECT_EQ(ipc_call(ipc_endpoint, 0, &other, 0), -ETIMEDOUT); /* but received */
	EXPECT_EQ(thread_join(receiver), 0);
	EXPECT_EQ(r.bx, 0);
	ipc_scene_end();
	all_gone(&g);
}

KTEST(ipc_grant, the_giver_dies)
{
	struct giver g;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	start(&g, g.h | IPC_GRANT);
	ipc_wait_for_callers(1);
	process_kill(g.u.process, 3);
	EXPECT_EQ(giver_end(&g), 3);
	EXPECT_EQ(ipc_receive(ipc_endpoint, &me, 0), -ETIMEDOUT);
	EXPECT_EQ(ipc_server.count, 1);
	ipc_scene_end();
	all_gone(&g);
}

/* Before it has received, or behind that: who has it then loses it. */
static void receiver_dies(bool received)
{
	struct giver g;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	start(&g, g.h | IPC_GRANT);
	ipc_wait_for_callers(1);
	if (received)
		EXPECT_EQ(ipc_receive(ipc_endpoint, &me, IPC_FOR_EVER), 0);
	handles_abandon(&ipc_server);
	EXPECT_EQ(handle_close(&ipc_server, ipc_receiver), 0);
	EXPECT_EQ(giver_end(&g), GONE);
	EXPECT_EQ(g.called, -EPIPE);
	EXPECT_EQ(g.closed, received ? -EBADF : 0);
	ipc_scene_end();
	all_gone(&g);
}

KTEST(ipc_grant, the_receiver_dies_before)
{
	receiver_dies(false);
}
KTEST(ipc_grant, the_receiver_dies_with_it)
{
	receiver_dies(true);
}

/* To another process, which may answer the short way: the call has more to do than to go back to user mode. */
KTEST(ipc_grant, a_server_is_given_memory)
{
	struct user_process server;
	struct giver g;
	u32 receive;

	if (!giver_begin(&g, false, RIGHTS_ALL) || !user_process(&server, "server"))
		return;
	receive = (u32)process_give(server.process, &ipc_endpoint->object, RIGHT_RECEIVE, 0);
	if (!user_process_start(&server, up_server, receive, 0, PRIORITY_DEFAULT))
		process_kill(server.process, -1);
	start(&g, g.h | IPC_GRANT);
	EXPECT_EQ(giver_end(&g), GONE);
	EXPECT_EQ(g.called, 0);
	EXPECT_EQ(g.closed, -EBADF);
	EXPECT_EQ(server.process->account->used[ACCOUNT_OBJECTS], 3); /* the process, its thread, and that */
	process_kill(server.process, 5);
	EXPECT_EQ(user_process_end(&server), 5);
	ipc_scene_end();
	all_gone(&g);
}

/* Also with a reply; and the server, which then waits, has nothing of it. */
KTEST(ipc_grant, a_reply_gives_memory)
{
	struct giver g;
	u32 receive;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	receive = (u32)process_give(g.u.process, &ipc_endpoint->object, RIGHT_RECEIVE, 0);
	me.handles = &ipc_client;
	ipc_fill(&r, 1);
	if (!user_process_start(&g.u, up_grant_reply, receive, g.h | IPC_GRANT, PRIORITY_DEFAULT))
		process_kill(g.u.process, -1);
	EXPECT_EQ(ipc_call(ipc_endpoint, 0, &me, IPC_FOR_EVER), 0);
	EXPECT(has(&ipc_client, (u32)r.bx, RIGHTS_ALL));
	EXPECT(!has(&g.u.process->handles, g.h, RIGHTS_ALL) && !mapped(&g, GRANT_BASE));
	EXPECT_EQ(receivers->used[ACCOUNT_PAGES], COST);
	EXPECT_EQ(handle_close(&ipc_client, (u32)r.bx), 0);
	while (READ_ONCE(g.memory->refs) > 1) /* until it has let go */
		thread_yield();
	process_kill(g.u.process, 4);
	EXPECT_EQ(giver_end(&g), 4);
	ipc_scene_end();
	all_gone(&g);
}

/* While it waits to be received nobody else of its process has the handle. */
KTEST(ipc_grant, what_is_being_given_is_nobodys)
{
	u64 words[2] = { 1, 0 };
	struct handle found;
	struct giver g;

	if (!giver_begin(&g, false, RIGHTS_ALL))
		return;
	start(&g, g.h | IPC_GRANT);
	ipc_wait_for_callers(1);
	EXPECT(!has(&g.u.process->handles, g.h, RIGHTS_ALL));
	EXPECT_EQ(handle_take(&g.u.process->handles, g.h, OBJECT_MEMORY, 0, &found), -EBADF);
	EXPECT_EQ(memory_write(g.words, 0, words, sizeof(words)), 0);
	start_program(&g, up_grant_at_once, g.endpoint | IPC_DONT_WAIT << IPC_TIMEOUT_SHIFT, g.h | IPC_GRANT);
	while (words[1] == 0) {
		thread_yield();
		EXPECT_EQ(memory_read(g.words, 0, words, sizeof(words)), 0);
	}
	EXPECT_EQ(words[1], -EBADF);
	process_kill(g.u.process, 6);
	EXPECT_EQ(giver_end(&g), 6);
	ipc_scene_end();
	all_gone(&g);
}

/* An endpoint at which a thread of the kernel receives, and answers, until it has no handle to receive by. */
struct taker {
	struct endpoint *e;
	struct handles handles;
	u32 h;
	struct thread *thread;
};

static int take_all(void *arg)
{
	struct taker *t = arg;
	struct pt_regs regs = { 0 };
	struct ipc_party party = { .regs = &regs, .handles = &t->handles, .account = receivers };
	int got = 0;

	while (ipc_receive(t->e, &party, IPC_FOR_EVER) == 0) {
		got += has(&t->handles, (u32)regs.bx, RIGHTS_ALL);
		EXPECT_EQ(handle_close(&t->handles, (u32)regs.bx), 0);
		regs.bx = 0;
		EXPECT_EQ(ipc_reply(t->e, &party), 0);
	}
	return got;
}

static void taker_begin(struct taker *t, struct giver *g)
{
	handles_init(&t->handles);
	t->e = endpoint_create();
	t->h = (u32)handle_open(&t->handles, &t->e->object, RIGHTS_ALL, 0);
	t->thread = ipc_start(take_all, t);
	start_program(g, up_grant_at_once, (u64)process_give(g->u.process, &t->e->object, RIGHT_SEND, 0),
		      g->h | IPC_GRANT);
}

/* How many it got. */
static int taker_end(struct taker *t)
{
	int got;

	EXPECT_EQ(handle_close(&t->handles, t->h), 0);
	got = thread_join(t->thread);
	handles_destroy(&t->handles);
	object_put(&t->e->object);
	return got;
}

/* Two threads give the same away, to two who receive, each on a CPU of its own where there are so many. */
KTEST(ipc_grant, one_handle_is_given_once)
{
	for (unsigned i = 0; i < stressed(20); i++) {
		struct taker takers[2] = { { NULL } };
		u64 now = 1;
		struct giver g;

		if (!giver_begin(&g, false, RIGHTS_ALL))
			return;
		taker_begin(&takers[0], &g);
		thread_set_affinity(1u << crowd_next_cpu(this_cpu(cpu_number)));
		taker_begin(&takers[1], &g);
		EXPECT_EQ(memory_write(g.words, 0, &now, sizeof(now)), 0);
		giver_end(&g);
		EXPECT_EQ(taker_end(&takers[0]) + taker_end(&takers[1]), 1);
		thread_set_affinity(CPU_MASK_ALL);
		ipc_scene_end();
		all_gone(&g);
	}
}
