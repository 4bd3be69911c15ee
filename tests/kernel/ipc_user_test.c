/* Messages between processes on all CPUs, by whichever way: each answer is its question's, and a partner's death is an answer, too. */
#include "abi/errno.h"
#include "abi/ipc.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "kernel/syscall.h"
#include "lib/ktest.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/events.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

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
	unsigned calls = stressed(50); /* each wakes another CPU, mostly: a millisecond of the host */

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

static bool is_empty(struct list_head *list)
{
	u64 flags = spin_lock_irqsave(&endpoint->lock);
	bool empty = list_empty(list);

	spin_unlock_irqrestore(&endpoint->lock, flags);
	return empty;
}

/* One thing at a time: a server waits, is called straight from the client's thread, and dies before it replies; or the client does. */
static void one_dies(bool client)
{
	struct user_process *dies = client ? &clients[0] : &servers[0];

	endpoint = endpoint_create();
	if (!start_on(0, &servers[0], "server", up_keep, RIGHT_RECEIVE, 0, PRIORITY_DEFAULT))
		return;
	while (is_empty(&endpoint->receivers))
		sleep_ns(100 * 1000);
	if (!start_clients(1, 1, PRIORITY_DEFAULT))
		return;
	while (is_empty(&endpoint->served))
		sleep_ns(100 * 1000);
	process_kill(dies->process, 9);
	EXPECT_EQ(user_process_end(&clients[0]), client ? 9 : 2);
	EXPECT(is_empty(&endpoint->served));
	end_servers(1, 9);
}

KTEST(ipc_user, one_partner_dies)
{
	one_dies(false);
	one_dies(true);
}

/* With a deadline it goes another way, but to the same place. */
KTEST(ipc_user, a_call_waits_no_longer_than_it_says)
{
	struct user_call late = { SYS_ipc_call, { 0, 0, 0, 0, 0, 0 }, 0, 0 };
	s64 h;

	endpoint = endpoint_create();
	if (!start_on(0, &servers[0], "server", up_keep, RIGHT_RECEIVE, 0, PRIORITY_DEFAULT) ||
	    !user_process(&clients[0], "client"))
		return;
	h = process_give(clients[0].process, &endpoint->object, RIGHT_SEND, 0);
	late.args[0] = (u64)h | 2000ul << IPC_TIMEOUT_SHIFT;
	EXPECT_EQ(user_process_calls(&clients[0], &late, 1), 0);
	EXPECT_EQ(late.result, (u64)-ETIMEDOUT);
	EXPECT(is_empty(&endpoint->served));
	end_servers(1, 9);
}

static bool is_over(struct user_process *u)
{
	int status;

	return process_status(u->process, &status) == 0;
}

/* On one CPU, all below ourselves: three of them, of which the middle one spins. */
static bool start_three(u8 server, u8 client, struct user_process *middle)
{
	bool ok;

	endpoint = endpoint_create();
	ok = start_on(0, &servers[0], "server", up_server, RIGHT_RECEIVE, 0, server);
	while (ok && is_empty(&endpoint->receivers))
		sleep_ns(100 * 1000);
	return ok && start_on(0, middle, "middle", up_spin, 0, 0, PRIORITY_DEFAULT - 2) &&
	       start_on(0, &clients[0], "client", up_client, RIGHT_SEND, 1, client);
}

static void end_three(struct user_process *middle)
{
	EXPECT(!is_over(&clients[0])); /* it needs the CPU, or its server does, and neither has got it */
	process_kill(middle->process, 9);
	EXPECT_EQ(user_process_end(middle), 9);
	EXPECT_EQ(user_process_end(&clients[0]), 0);
	end_servers(1, 9);
}

/* A server works at its own priority: a better client waits for who keeps the server's CPU, for as long as that one likes. */
KTEST(ipc_user, a_server_has_no_priority_of_its_client)
{
	struct user_process middle;

	if (!start_three(PRIORITY_DEFAULT - 3, PRIORITY_DEFAULT - 1, &middle))
		return;
	while (is_empty(&endpoint->served))
		sleep_ns(100 * 1000);
	sleep_ns(300 * 1000);
	EXPECT(!is_empty(&endpoint->served));
	end_three(&middle);
}

/* Nor is a client any better for a good server: that one waits for what can't be asked. */
KTEST(ipc_user, a_client_has_no_priority_of_its_server)
{
	struct user_process middle;

	if (!start_three(PRIORITY_DEFAULT - 1, PRIORITY_DEFAULT - 3, &middle))
		return;
	sleep_ns(300 * 1000);
	EXPECT(!is_empty(&endpoint->receivers) && is_empty(&endpoint->callers) &&
	       is_empty(&endpoint->served));
	end_three(&middle);
}

/* A round of messages and the lives of who sends them, event by event: with these on they go in order, and nothing else is different. */
KTEST(ipc_user, all_is_in_the_trace)
{
	void *e;

	events_clear();
	EXPECT_EQ(events_write("set_event", "nestling:* raw_syscalls:*"), 0);
	e = start_servers(1, PRIORITY_DEFAULT) ? endpoint : NULL;
	while (e && is_empty(&endpoint->receivers)) /* whose name is known from then on */
		sleep_ns(100 * 1000);
	if (!e || !start_clients(1, 3, PRIORITY_DEFAULT))
		return;
	EXPECT_EQ(user_process_end(&clients[0]), 0);
	end_servers(1, 9);
	EXPECT_EQ(events_write("events/enable", "0"), 0);
	EXPECT_EQ(events_seen("ipc_send: server=server endpoint=%p badge=0 label=0x100000003 handle=0", e),
		  1);
	EXPECT_EQ(events_seen("ipc_send: server=server endpoint=%p", e), 3);
	EXPECT_EQ(events_seen("endpoint=%p badge=0 label=0x100000002 handle=0", e),
		  2); /* sent and received */
	EXPECT_EQ(events_seen("ipc_receive: caller_comm=client caller_pid="), 3);
	EXPECT_EQ(events_seen("endpoint=%p label=0x100000001 handle=0", e), 1);
	EXPECT_EQ(events_seen("ipc_reply: caller_comm=client caller_pid="), 3);
	EXPECT_EQ(events_seen("sys_enter: NR %d ipc_call(", SYS_ipc_call), 3);
	EXPECT_EQ(events_seen("sys_exit: NR %d ipc_call = 0", SYS_ipc_call), 3);
	EXPECT_EQ(events_seen("process_create: comm=client"), 1);
	EXPECT_EQ(events_seen("process_exit: comm=client"), 1);
	EXPECT_EQ(events_seen("process_exit: comm=server"), 1);
	EXPECT_EQ(events_seen("status=9"), 1);
	EXPECT_EQ(events_seen("user_thread_start: comm=server"), 1);
	EXPECT_EQ(events_seen("user_thread_exit: comm=client"), 1);
	EXPECT_EQ(events_write("trace", ""), 0);
	EXPECT_EQ(syscalls_direct, NR_SYSCALLS);
}

/* In the middle of it. */
KTEST(ipc_user, tracers_come_and_go)
{
	if (!start_servers(SERVERS, PRIORITY_DEFAULT) || !start_clients(CLIENTS, ~0u, PRIORITY_DEFAULT))
		return;
	events_come_and_go(stressed(2), a_while);
	for (unsigned i = 0; i < CLIENTS; i++) {
		process_kill(clients[i].process, 8);
		EXPECT_EQ(user_process_end(&clients[i]), 8);
	}
	end_servers(SERVERS, 9);
	events_clear();
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
	for (unsigned n = 0; n < stressed(2); n++) {
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
