/* Messages between processes on all CPUs, by whichever way: each answer is its question's, and a partner's death is an answer, too. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "lib/ktest.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"
#include "trace/clock.h"

#define SERVERS 2
#define CLIENTS 4

static struct endpoint *endpoint;
static struct user_process servers[SERVERS], clients[CLIENTS];

/* On CPU @cpu, as threads stay where who made them was. */
static bool start_on(u32 cpu, struct user_process *u, const char *name, const u8 *program, u32 rights,
		     u64 arg, u8 priority)
{
	bool ok = user_process(u, name);
	s64 h;

	if (!ok)
		return false;
	thread_set_affinity(1u << cpu);
	h = process_give(u->process, &endpoint->object, rights, 0);
	ok = h > 0 && user_process_start(u, program, (u64)h, arg, priority);
	thread_set_affinity(CPU_MASK_ALL);
	return ok;
}

static bool start_servers(unsigned n, u8 priority)
{
	bool ok = true;

	endpoint = endpoint_create();
	for (u32 i = 0, cpu = 0; i < n; i++, cpu = crowd_next_cpu(cpu))
		ok &= start_on(cpu, &servers[i], "server", up_server, RIGHT_RECEIVE, 0, priority);
	return ok;
}

static bool start_clients(unsigned n, unsigned calls, u8 priority)
{
	bool ok = true;

	for (u32 i = 0, cpu = 0; i < n; i++, cpu = crowd_next_cpu(cpu))
		ok &= start_on(cpu, &clients[i], "client", up_client, RIGHT_SEND, (u64)(i + 1) << 32 | calls,
			       priority);
	return ok;
}

static void end_servers(unsigned n, int status)
{
	for (unsigned i = 0; i < n; i++) {
		process_kill(servers[i].process, status);
		EXPECT_EQ(user_process_end(&servers[i]), status);
	}
	EXPECT(list_empty(&endpoint->callers) && list_empty(&endpoint->served) &&
	       list_empty(&endpoint->receivers));
	user_processes_settle();
	EXPECT_EQ(endpoint->object.refs, 1);
	object_put(&endpoint->object);
}

static void all_are_answered(u8 server_priority, u8 client_priority)
{
	unsigned calls =
		stressed(50); /* from CPU to CPU each takes a millisecond of the host, if it has that */

	if (!start_servers(SERVERS, server_priority) || !start_clients(CLIENTS, calls, client_priority))
		return;
	for (unsigned i = 0; i < CLIENTS; i++)
		EXPECT_EQ(user_process_end(&clients[i]), 0);
	end_servers(SERVERS, 9);
}

KTEST(ipc_user, answers_are_their_questions)
{
	all_are_answered(PRIORITY_DEFAULT, PRIORITY_DEFAULT);
	all_are_answered(PRIORITY_DEFAULT + 1, PRIORITY_DEFAULT);
	all_are_answered(PRIORITY_DEFAULT, PRIORITY_DEFAULT + 1);
}

static u64 seed = 1;
static u64 a_while(void)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 40) % (200 * 1000); /* ns */
}

/* In the middle of whatever: who waits for it, or calls later, hears so; nobody waits for ever. */
KTEST(ipc_user, a_server_is_killed)
{
	for (unsigned n = 0; n < stressed(6); n++) {
		if (!start_servers(1 + n % SERVERS, PRIORITY_DEFAULT) ||
		    !start_clients(CLIENTS, ~0u, PRIORITY_DEFAULT))
			return;
		sleep_ns(1000 * 1000 + a_while());
		for (unsigned i = 0; i < 1 + n % SERVERS; i++)
			process_kill(servers[i].process, 9);
		for (unsigned i = 0; i < CLIENTS; i++)
			EXPECT_EQ(user_process_end(&clients[i]), 2);
		end_servers(1 + n % SERVERS, 9);
	}
}

/* The others are served as ever. */
KTEST(ipc_user, clients_are_killed)
{
	for (unsigned n = 0; n < stressed(6); n++) {
		if (!start_servers(SERVERS, PRIORITY_DEFAULT) ||
		    !start_clients(CLIENTS, ~0u, PRIORITY_DEFAULT))
			return;
		for (unsigned i = 0; i < CLIENTS; i++) {
			sleep_ns(100 * 1000 + a_while());
			process_kill(clients[i].process, 8);
			EXPECT_EQ(user_process_end(&clients[i]), 8);
		}
		if (!start_clients(1, 10, PRIORITY_DEFAULT))
			return;
		EXPECT_EQ(user_process_end(&clients[0]), 0);
		end_servers(SERVERS, 9);
	}
}
