/* Faults of a process that another one answers: straight from one to the other, or not; and deaths on either side. */
#include "abi/ipc.h"
#include "abi/rights.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/vectors.h"
#include "lib/debug.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/events.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

static_assert(IPC_FAULT_GO_ON == 1 && IPC_FAULT_SET == 2 && IPC_LABEL_FAULT == 0x746c756166ul,
	      "user_programs.asm has them so");

static struct endpoint *endpoint;
static struct user_process pager, faulter;

static bool start_pager(u32 cpu, u64 label)
{
	s64 h;
	bool ok;

	endpoint = endpoint_create();
	if (!user_process(&pager, "pager") || !user_process(&faulter, "faulter") ||
	    process_set_faults(faulter.process, endpoint, 5) != 0)
		return false;
	thread_set_affinity(1u << cpu);
	h = process_give(pager.process, &endpoint->object, RIGHT_RECEIVE, 0);
	ok = h > 0 && user_process_start(&pager, up_pager, (u64)h, label, PRIORITY_DEFAULT);
	thread_set_affinity(CPU_MASK_ALL);
	return ok;
}

static bool start_faulter(unsigned faults)
{
	s64 h = process_give(faulter.process, &endpoint->object, RIGHT_SEND, 0);
	bool ok;

	thread_set_affinity(1);
	ok = h > 0 && user_process_start(&faulter, up_faults, faults, (u64)h, PRIORITY_DEFAULT);
	thread_set_affinity(CPU_MASK_ALL);
	return ok;
}

static void none_is_left(void)
{
	EXPECT(list_empty(&endpoint->callers) && list_empty(&endpoint->served) &&
	       list_empty(&endpoint->receivers));
	user_processes_settle();
	EXPECT_EQ(endpoint->object.refs, 1);
	object_put(&endpoint->object);
}

static void faults_end(u32 cpu, u64 label, unsigned faults, int status)
{
	if (!start_pager(cpu, label) || !start_faulter(faults))
		return;
	EXPECT_EQ(user_process_end(&faulter), status);
	process_kill(pager.process, 9);
	EXPECT_EQ(user_process_end(&pager), 9);
	none_is_left();
}

KTEST(fault_user, each_goes_on)
{
	unsigned n = stressed(100);

	faults_end(0, IPC_FAULT_GO_ON, n, 0);
	faults_end(0, IPC_FAULT_SET, n, (int)n);
	faults_end(crowd_next_cpu(0), IPC_FAULT_SET, stressed(10), (int)stressed(10));
}

KTEST(fault_user, an_answer_that_is_none)
{
	faults_end(0, 3, 5, STATUS_FAULT - X86_TRAP_UD);
}

/* CPU 0's black box, from where it was at @mark on, as far back as it remembers: faults that came and went, and those inside others. */
static void look_for_faults(u64 mark, unsigned *n, unsigned *inside)
{
	u64 head;

	*n = *inside = 0;
	thread_set_affinity(1);
	head = this_cpu(bb_head);
	for (unsigned i = 0; i < BLACK_BOX_RECORDS / 2 && head > mark; i++) {
		const struct bb_record *r;

		head -= sizeof(*r);
		r = this_cpu_ptr(bb_ring[head / sizeof(*r) % BLACK_BOX_RECORDS]);
		if (r->vector != X86_TRAP_UD || r->ip >= USER_END)
			continue;
		++*n;
		*inside += r->depth != 1;
	}
	thread_set_affinity(CPU_MASK_ALL);
}

static void each_is_alone(void)
{
	unsigned n, inside;
	u64 mark;

	thread_set_affinity(1);
	mark = this_cpu(bb_head);
	if (!start_pager(0, IPC_FAULT_SET) || !start_faulter(~0u))
		return;
	do {
		sleep_ns(200 * 1000);
		look_for_faults(mark, &n, &inside);
	} while (n < 10);
	EXPECT_EQ(inside, 0);
	process_kill(faulter.process, 5);
	EXPECT_EQ(user_process_end(&faulter), 5);
	process_kill(pager.process, 9);
	EXPECT_EQ(user_process_end(&pager), 9);
	none_is_left();
}

KTEST(fault_user, no_trap_is_inside_another)
{
	each_is_alone();
	EXPECT_EQ(events_write("kprobe_events", "r:faults/hooked fault_reply_direct"), 0);
	EXPECT_EQ(events_write("events/faults/hooked/enable", "1"), 0);
	each_is_alone(); /* answered in order */
	EXPECT_EQ(events_write("events/faults/hooked/enable", "0"), 0);
	EXPECT_EQ(events_write("kprobe_events", "-:faults/hooked"), 0);
	events_clear();
}

/* On either side, one at a time: all goes in order while they are there, and nothing else is different. */
KTEST(fault_user, what_hooks_returns_sees_them)
{
	static const struct {
		const char *name;
		unsigned least;
	} hooked[] = {
		{ "user_fault", 10 },
		{ "fault_call_direct", 10 },
		{ "fault_reply_direct", 1 },
		{ "sys_ipc_reply_receive", 9 },
	};
	char line[64];

	events_clear();
	for (unsigned i = 0; i < ARRAY_SIZE(hooked); i++) {
		snprintf(line, sizeof(line), "r:faults/hooked %s", hooked[i].name);
		EXPECT_EQ(events_write("kprobe_events", line), 0);
		EXPECT_EQ(events_write("events/faults/hooked/enable", "1"), 0);
		faults_end(0, IPC_FAULT_SET, 10, 10);
		EXPECT_EQ(events_write("events/faults/hooked/enable", "0"), 0);
		EXPECT(events_seen("hooked: (") >= hooked[i].least || debug_enabled()); /* in order */
		EXPECT_EQ(events_write("kprobe_events", "-:faults/hooked"), 0);
		events_clear();
	}
}

static u64 seed = 1;
static u64 a_while(void)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 40) % (200 * 1000); /* ns */
}

KTEST(fault_user, tracers_come_and_go)
{
	if (!start_pager(0, IPC_FAULT_SET) || !start_faulter(~0u))
		return;
	events_come_and_go(stressed(1), a_while);
	process_kill(faulter.process, 5);
	EXPECT_EQ(user_process_end(&faulter), 5);
	process_kill(pager.process, 9);
	EXPECT_EQ(user_process_end(&pager), 9);
	none_is_left();
	events_clear();
}

/* Or the step before the first of them. */
static bool is_fault(int status)
{
	return status == STATUS_FAULT - X86_TRAP_UD || status == STATUS_FAULT - X86_TRAP_DB;
}

/* A fault whose handler has gone is its own process's end. */
KTEST(fault_user, both_sides_die)
{
	for (unsigned n = 0; n < stressed(6); n++) {
		bool first = n % 2;

		if (!start_pager(n % 3 ? 0 : crowd_next_cpu(0), IPC_FAULT_SET) || !start_faulter(~0u))
			return;
		sleep_ns(500 * 1000 + a_while());
		process_kill(first ? pager.process : faulter.process, 5);
		if (first)
			EXPECT(is_fault(user_process_end(&faulter)));
		process_kill(pager.process, 5);
		if (!first)
			EXPECT_EQ(user_process_end(&faulter), 5);
		EXPECT_EQ(user_process_end(&pager), 5);
		none_is_left();
	}
}
