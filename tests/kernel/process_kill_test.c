/* Killed at random in the middle of messages: nobody hangs, nobody gets another's answer, and nothing is left. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "lib/ktest.h"
#include "sched/timer.h"
#include "tests/kernel/leftovers.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"
#include "trace/clock.h"

#define SERVERS	    3
#define CLIENTS	    4
#define KILLS	    26 /* times stress; a third of it is enough where there is none */
#define KILL_STATUS 5

/* What a client counts in its words. */
struct counts {
	u64 answers, broken;
};

static struct crowd_of_processes {
	struct user_process of[SERVERS + CLIENTS];
	struct endpoint *e;
	struct counts sum;
} crowd;

static bool start(unsigned i)
{
	struct user_process *u = &crowd.of[i];
	bool server = i < SERVERS;
	s64 h;

	if (!user_process(u, server ? "server" : "client"))
		return false;
	h = process_give(u->process, &crowd.e->object, server ? RIGHT_RECEIVE : RIGHT_SEND, i);
	EXPECT(h > 0);
	return user_process_start(u, server ? up_patient_server : up_patient_client, (u64)h, WORDS_BASE,
				  PRIORITY_DEFAULT);
}

/* It ends by that and nothing else. */
static void kill(unsigned i)
{
	struct user_process *u = &crowd.of[i];
	struct memory *words = u->words;
	struct counts c;

	memory_get(words);
	process_kill(u->process, KILL_STATUS);
	EXPECT_EQ(user_process_end(u), KILL_STATUS);
	EXPECT_EQ(memory_read(words, 0, &c, sizeof(c)), 0);
	crowd.sum.answers += c.answers;
	crowd.sum.broken += c.broken;
	memory_put(words);
}

static u64 next(u64 *seed) { return (*seed = *seed * 6364136223846793005 + 1442695040888963407) >> 33; }

static void kill_and_start(u64 seed, unsigned kills)
{
	while (kills--) {
		unsigned i = next(&seed) % (SERVERS + CLIENTS);

		if (next(&seed) % 4)
			sleep_ns(next(&seed) %
				 (3 * 1000 * 1000)); /* they get somewhere, or not even to their beginning */
		kill(i);
		if (!start(i))
			break;
	}
}

KTEST(process_kill, a_crowd_in_the_middle_of_messages)
{
	u64 seed = trace_clock();
	struct leftovers left;
	unsigned n = 0;

	ktest_comment("seed %lu", seed);
	leftovers_before(&left);
	crowd.sum = (struct counts){ 0, 0 };
	crowd.e = endpoint_create();
	if (!crowd.e)
		return;
	crowd.e->object.opened(&crowd.e->object, RIGHT_RECEIVE); /* there is another server soon */
	while (n < SERVERS + CLIENTS && start(n))
		n++;
	if (n == SERVERS + CLIENTS)
		kill_and_start(seed, stressed(1) > 1 ? stressed(KILLS) : KILLS / 3);
	/* All who are left are answered, by whoever is left of the servers. */
	while (n--)
		kill(n);
	crowd.e->object.closed(&crowd.e->object, RIGHT_RECEIVE);
	object_put(&crowd.e->object);
	ktest_comment("%lu answers, %lu calls whose server died", crowd.sum.answers, crowd.sum.broken);
	EXPECT(crowd.sum.answers > 0);
	leftovers_none(&left);
}

static bool served(struct endpoint *e)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	bool any = !list_empty(&e->served);

	spin_unlock_irqrestore(&e->lock, flags);
	return any;
}

/* The server has the call and dies without an answer: others who could receive are no help to that one. */
KTEST(process_kill, the_server_of_a_call)
{
	struct user_call serve[2], call = { SYS_ipc_call, { 0 }, 1, 0 };
	struct user_process server, client;
	struct endpoint *e = endpoint_create();
	struct notification *never = notification_create();
	struct memory *words;

	if (!e || !never || !user_process(&server, "server") || !user_process(&client, "client"))
		return;
	e->object.opened(&e->object, RIGHT_RECEIVE);
	serve[0] = (struct user_call){
		SYS_ipc_receive, { (u64)process_give(server.process, &e->object, RIGHT_RECEIVE, 0) }, 1, 0
	};
	/* It can't have called this before it received. */
	serve[1] =
		(struct user_call){ SYS_notification_wait,
				    { (u64)process_give(server.process, &never->object, RIGHT_RECEIVE, 0) },
				    1,
				    0 };
	call.args[0] = (u64)process_give(client.process, &e->object, RIGHT_SEND, 0);
	words = client.words;
	memory_get(words);
	EXPECT_EQ(memory_write(server.words, 0, serve, sizeof(serve)), 0);
	EXPECT_EQ(memory_write(words, 0, &call, sizeof(call)), 0);
	user_process_start(&server, up_calls, WORDS_BASE, 2, PRIORITY_DEFAULT);
	user_process_start(&client, up_calls, WORDS_BASE, 1, PRIORITY_DEFAULT);
	while (!served(e))
		thread_yield();
	process_kill(server.process, KILL_STATUS);
	EXPECT_EQ(user_process_end(&server), KILL_STATUS);
	EXPECT_EQ(user_process_end(&client), 0);
	EXPECT_EQ(memory_read(words, 0, &call, sizeof(call)), 0);
	EXPECT_EQ((s64)call.result, -EPIPE);
	memory_put(words);
	e->object.closed(&e->object, RIGHT_RECEIVE);
	object_put(&e->object);
	object_put(&never->object);
	user_processes_settle();
}

enum { NOT_BEGUN, READY, WAITING, PLACES };

static void give_way(void) { sleep_ns(1000 * 1000); }

/* A thread of low priority that is killed at that place, while one above it keeps the CPU that both are on. */
static void killed_below(unsigned place)
{
	struct user_process busy, low;
	struct endpoint *e = endpoint_create();
	u64 bits;

	if (!e || !user_process(&busy, "busy") || !user_process(&low, "low"))
		return;
	if (place != NOT_BEGUN) {
		s64 h = place == WAITING ? process_give(low.process, &e->object, RIGHTS_ALL, 0) : 0;

		user_process_start(&low, place == WAITING ? up_call_and_spin : up_spin, (u64)h, 0, 2);
		give_way();
	}
	user_process_start(&busy, up_spin, 0, 0, 3);
	if (place == NOT_BEGUN)
		user_process_start(&low, up_spin, 0, 0, 2);
	give_way();
	process_kill(low.process, KILL_STATUS);
	if (notification_wait(low.ended, trace_clock() + 5 * 1000 * 1000 * 1000ul, &bits) == 0)
		notification_signal(low.ended, bits);
	else
		ktest_fail("a killed thread of low priority goes on", (int)place, "at place", place, 0);
	process_kill(busy.process, KILL_STATUS);
	EXPECT_EQ(user_process_end(&busy), KILL_STATUS);
	EXPECT_EQ(user_process_end(&low), KILL_STATUS);
	object_put(&e->object);
}

KTEST(process_kill, whoever_keeps_its_cpu)
{
	struct leftovers left;

	leftovers_before(&left);
	EXPECT_EQ(thread_set_affinity(1), 0); /* theirs is all, but they begin here, and stay */
	for (unsigned place = 0; place < PLACES; place++)
		killed_below(place);
	thread_set_affinity(CPU_MASK_ALL);
	leftovers_none(&left);
}

/* Who is about to end, and who has ended, begins no more threads; and nothing is left of the attempt. */
KTEST(process_kill, begins_no_thread_afterwards)
{
	struct leftovers left;
	struct user_process u;
	u64 args[2] = { 0, 0 }, bits;

	leftovers_before(&left);
	if (!user_process(&u, "late"))
		return;
	user_process_start(&u, up_spin, 0, 0, PRIORITY_DEFAULT);
	process_kill(u.process, KILL_STATUS);
	EXPECT_EQ(process_start(u.process, PROGRAM_BASE, 0, args, PRIORITY_DEFAULT, PRIORITY_DEFAULT),
		  -EPIPE);
	notification_wait(u.ended, IPC_FOR_EVER, &bits);
	EXPECT_EQ(process_start(u.process, PROGRAM_BASE, 0, args, PRIORITY_DEFAULT, PRIORITY_DEFAULT),
		  -EPIPE);
	notification_signal(u.ended, bits);
	EXPECT_EQ(user_process_end(&u), KILL_STATUS);
	leftovers_none(&left);
}
