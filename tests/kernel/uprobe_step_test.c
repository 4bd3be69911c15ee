/* A debugger's view of a probed program: its breakpoints, steps and faults are where they would be without probes. */
#include "abi/ipc.h"
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "tests/kernel/uprobe.h"

/* What the debugger saw. */
static struct view {
	u64 steps, sum, vector, ip, about, dr6_wrong, flags;
} view;

static u64
	behind_pause; /* TCG forgets the trap of a step over it (insn_can_step()); done by hand, it isn't */
static u64 first_ip;  /* where it is sent to, from where nothing is */
static struct endpoint *endpoint;
static struct handles handles;
static bool stepping_on;

/* Sets where it goes on, and that it steps. False: it is to end there. */
static bool answer(struct pt_regs *m)
{
	u64 ip = m->r10;

	if (m->si != IPC_LABEL_FAULT)
		return false;
	view.vector = m->dx;
	view.about = m->r9;
	view.ip = ip;
	view.flags = m->r15;
	if (ip == 8) {
		ip = first_ip;
	} else if (m->dx == X86_TRAP_DB) {
		view.steps += ip != behind_pause;
		if (ip != behind_pause)
			view.sum = (view.sum ^ ip) * 0x9e3779b97f4a7c15ul + (m->r15 & 0xcd5 & ~0x10ul);
		view.dr6_wrong += (m->r9 & 0xa00f) != 0 || !(m->r9 & DR6_BS);
	} else {
		return false;
	}
	m->si = IPC_FAULT_SET;
	m->dx = ip;
	m->r8 = stepping_on ? m->r15 | X86_EFLAGS_TF | X86_EFLAGS_IOPL : m->r15; /* which doesn't count */
	m->r9 = m->r12;
	return true;
}

static int debugger(void *arg)
{
	struct pt_regs m;
	struct ipc_party me = { .regs = &m, .handles = &handles };
	int err;

	memset(&m, 0, sizeof(m));
	err = ipc_receive(endpoint, &me, IPC_FOR_EVER);
	while (!err) {
		m.bx = 0;
		if (!answer(&m))
			m.si = 0;
		err = ipc_reply(endpoint, &me) ?: ipc_receive(endpoint, &me, IPC_FOR_EVER);
	}
	return 0;
}

/* From @at with @arg, or the whole program, under a debugger. Its status. */
static int debug(u64 at, u64 arg, bool step)
{
	struct thread *t;
	struct probed_run r;
	int status = -1;
	s64 h;

	memset(&view, 0, sizeof(view));
	handles = (struct handles){ 0 };
	handles_init(&handles);
	endpoint = endpoint_create();
	h = endpoint ? handle_open(&handles, &endpoint->object, RIGHTS_ALL, 0) : -1;
	EXPECT(h > 0);
	stepping_on = step;
	if (h > 0 && probed_begin(&r)) {
		first_ip = at ?: r.prog.entry;
		EXPECT_EQ(process_set_faults(r.process, endpoint, 0), 0);
		t = thread_create("debugger", debugger, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
		if (t && probed_start(&r, 8, arg))
			status = probed_end(&r);
		handles_abandon(&handles);
		handles_destroy(&handles);
		if (t)
			thread_join(t);
	}
	object_put(&endpoint->object);
	return status;
}

static void add_all(void)
{
	probed_places()->n = 0;
	probed_add(probed_places(), "probed_zoo");
	probed_add(probed_places(), "probed_call");
	probed_add(probed_places(), "probed_leave");
	probed_add(probed_places(), "probed_touch");
	probed_add(probed_places(), "probed_trap");
}

static void come_back(struct uprobe *u, struct pt_regs *regs, u64 ret_addr) {}

/* Step by step through all of it: the same places, with the same flags, in the same number. */
KTEST(uprobe, a_debugger_steps_through_probes)
{
	int status = probed_status();
	struct uprobe ret = { .ret_handler = come_back };
	struct uprobe_spot spot;
	struct view plain;
	u64 none;

	behind_pause = probed_function("probed_behind_pause", &none);
	EXPECT_EQ(debug(0, 0, true), status);
	plain = view;
	EXPECT(plain.steps > 500);
	EXPECT_EQ(plain.dr6_wrong, 0);
	add_all();
	probed_arm(probed_places());
	EXPECT(probed_spot(probed_function("probed_call", &none), &spot));
	EXPECT_EQ(uprobe_register(&ret, &spot), 0);
	EXPECT_EQ(uprobe_arm(&ret), 0);
	EXPECT_EQ(debug(0, 0, true), status);
	EXPECT_EQ(view.steps, plain.steps);
	EXPECT_EQ(view.sum, plain.sum);
	EXPECT_EQ(view.dr6_wrong, 0);
	EXPECT(probed_hits(probed_places()) > plain.steps / 2);
	EXPECT_EQ(debug(0, 0, false), status);
	EXPECT_EQ(view.steps, 0);
	EXPECT_EQ(ret.hits, 2 * 13);
	uprobe_unregister(&ret);
	probed_drop(probed_places());
}

KTEST(uprobe, a_users_own_int3_is_his)
{
	u64 size, at = probed_function("probed_trap", &size);

	for (int probed = 0; probed < 2; probed++) {
		if (probed) {
			add_all();
			probed_arm(probed_places());
		}
		for (int step = 0; step < 2; step++) {
			EXPECT_EQ(debug(at, 0, step), STATUS_FAULT - X86_TRAP_BP);
			EXPECT_EQ(view.vector, X86_TRAP_BP);
			EXPECT_EQ(view.ip, at + 2);
			EXPECT_EQ(view.steps, (u64)step);
		}
		EXPECT_EQ(debug(at + 1, 0, false), STATUS_FAULT - X86_TRAP_BP);
	}
	EXPECT_EQ(probed_hits(probed_places()), 2);
	probed_drop(probed_places());
}

/* Without a flag of the step's, and at the instruction, not its copy. */
KTEST(uprobe, a_fault_in_a_copy_is_the_originals)
{
	u64 size, at = probed_function("probed_touch", &size);

	add_all();
	probed_arm(probed_places());
	for (int step = 0; step < 2; step++) {
		EXPECT_EQ(debug(at, 0x123456789000, step), STATUS_FAULT - X86_TRAP_PF);
		EXPECT_EQ(view.vector, X86_TRAP_PF);
		EXPECT_EQ(view.ip, at + 2);
		EXPECT_EQ(view.about, 0x123456789000);
		EXPECT_EQ(!!(view.flags & X86_EFLAGS_TF), (u64)step);
		EXPECT_EQ(view.steps, (u64)step);
	}
	EXPECT_EQ(probed_hits(probed_places()), 4);
	probed_drop(probed_places());
}
