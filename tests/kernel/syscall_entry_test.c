/* The way into a system call and back: what the user finds, and what may come in the middle of its first and last instructions. */
#include "abi/errno.h"
#include "abi/syscall.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "kprobe/watchpoint.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/ring3.h"
#include "tests/kernel/user_page.h"
#include "tests/kernel/user_process.h"

DECLARE_PER_CPU(u64, user_sp);
extern const u8 asm_syscall[], asm_exc_int3[];

static struct pt_regs ended;
static void note(struct pt_regs *regs) { ended = *regs; }

static bool begin(void)
{
	if (!ring3_make())
		return false;
	ring3_witness = note;
	return true;
}
static void end(void)
{
	ring3_witness = NULL;
	ring3_drop();
}

#define NO_SUCH_CALL 0x7ffffff0ul /* and what the registers hold is behind it */

static void expect_registers(u64 n, u64 result)
{
	const struct pt_regs *r = &ended;
	const u64 kept[] = {
		r->di, r->dx, r->r8, r->r9, r->r10, r->r12, r->r13, r->r14, r->r15, r->bx, r->bp
	};

	EXPECT_EQ(r->ax, result);
	EXPECT_EQ(r->cx, r->ip); /* ud2's, which is behind syscall */
	EXPECT_EQ(r->r11, r->flags & ~X86_EFLAGS_RF);
	EXPECT_EQ(r->si, n);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		EXPECT_EQ(kept[i], n + i + 1);
	EXPECT_EQ(r->flags & ~X86_EFLAGS_RF & ~0x8d5ul, 0x202); /* but for the arithmetic ones */
	EXPECT_EQ(r->cs, USER_CS);
	EXPECT_EQ(r->ss, USER_DS);
}

KTEST(syscall_entry, all_registers_come_back)
{
	struct cpu_accounts before = accounts_now();

	if (!begin())
		return;
	EXPECT_EQ(ring3_run(ring3_syscall, NO_SUCH_CALL), X86_TRAP_UD);
	expect_registers(NO_SUCH_CALL, (u64)-ENOSYS);
	EXPECT_EQ(ring3_run(ring3_syscall, NR_SYSCALLS), X86_TRAP_UD);
	expect_registers(NR_SYSCALLS, (u64)-ENOSYS);
	EXPECT_EQ(ring3_run(ring3_syscall, 0xffffffff), X86_TRAP_UD);
	EXPECT_EQ(ended.ax, (u64)-ENOSYS);
	EXPECT_EQ(ring3_run(ring3_syscall, SYS_null), X86_TRAP_UD);
	expect_registers(SYS_null, 0);
	end();
	before.watch.counter = this_cpu(watch).counter;
	EXPECT_ACCOUNTS(before);
}

/* rsp is any number. Only where it is used does it matter that there is no stack. */
KTEST(syscall_entry, the_users_stack_pointer_is_never_used)
{
	static const u64 values[] = {
		0, 8, 0x00007ffffffffff8, 0x0000800000000000, 0xffff800000000001, 0xfffffffffffffff8
	};

	if (!begin())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		EXPECT_EQ(ring3_run(ring3_syscall_at, values[i]), X86_TRAP_UD);
		EXPECT_EQ(ended.ax, 0);
		EXPECT_EQ(ended.sp, values[i]);
	}
	end();
}

/* The step ends behind syscall, not in the kernel, and not an instruction later. */
KTEST(syscall_entry, a_step_over_it_ends_behind_it)
{
	if (!begin())
		return;
	EXPECT_EQ(ring3_run(ring3_syscall_step, 0), X86_TRAP_DB);
	EXPECT_EQ(ended.ip, USER_PAGE + (u64)(ring3_syscall_stepped - ring3_programs));
	EXPECT(ended.flags & X86_EFLAGS_TF);
	EXPECT_EQ(ended.ax, 0);
	end();
}

static const u8 call[] = { 0x0f, 0x05 };

/* How often this CPU has come by @vector since its black box was at @head. */
static unsigned came(u64 head, u16 vector)
{
	unsigned n = 0;

	for (; head != this_cpu(bb_head); head += sizeof(struct bb_record)) {
		const struct bb_record *r =
			this_cpu_ptr(bb_ring[head / sizeof(struct bb_record) % BLACK_BOX_RECORDS]);

		n += r->vector == vector && r->direction == BB_ENTRY;
	}
	return n;
}

/* Its two bytes are the last below the hole, so it returns to no address: a fault of the user's, which the CPU hasn't seen. */
static void call_from_the_last_bytes(u64 frame)
{
	const u64 at = USER_LAST_PAGE + PAGE_SIZE - sizeof(call);
	u64 head;

	memcpy((u8 *)phys_to_virt(frame) + PAGE_SIZE - sizeof(call), call, sizeof(call));
	EXPECT_EQ(direct_map_hide(frame), 0);
	if (user_last_page_map(frame, PAGE_RX)) {
		for (unsigned n = 0; n < 100; n++) {
			head = this_cpu(bb_head);
			EXPECT_EQ(ring3_run(ring3_jump, at), X86_TRAP_GP);
			if (ended.ip !=
			    at) /* an interrupt came first: it finds him where no process may be */
				break;
		}
		EXPECT_EQ(came(head, X86_TRAP_GP), 0);
		EXPECT_EQ(ended.ip, USER_LAST_PAGE + PAGE_SIZE);
		EXPECT_EQ(ended.cs, USER_CS);
		EXPECT_EQ(ended.ax, 0);
	}
}

KTEST(syscall_entry, behind_the_last_address_is_a_fault)
{
	u64 frame = frame_alloc();

	if (!frame || !begin())
		return;
	EXPECT_EQ(thread_set_affinity(1), 0);
	call_from_the_last_bytes(frame);
	thread_set_affinity(CPU_MASK_ALL);
	end();
	direct_map_show(frame);
	frames_free(frame, 1);
}

/* No process can have that page. From the last one that it can have it goes on where nothing is. */
KTEST(syscall_entry, behind_the_last_page_is_nothing)
{
	struct memory *m = memory_create(1);
	struct user_process u;
	int status;

	if (!m || !user_process(&u, "last"))
		return;
	EXPECT_EQ(memory_write(m, PAGE_SIZE - sizeof(call), call, sizeof(call)), 0);
	EXPECT_EQ(memory_seal(m), 0);
	EXPECT_EQ(space_map(u.process->space, USER_LAST_PAGE, 1, m, 0, MAP_READ | MAP_EXECUTE), -EINVAL);
	EXPECT_EQ(space_map(u.process->space, USER_END - PAGE_SIZE, 1, m, 0, MAP_READ | MAP_EXECUTE), 0);
	EXPECT_EQ(process_start(u.process, USER_END - sizeof(call), 0, (u64[2]){ 0, 0 }, PRIORITY_DEFAULT,
				PRIORITY_DEFAULT),
		  0);
	status = user_process_end(&u);
	/* The second, if somebody asked for the CPU in the call. */
	EXPECT(status == STATUS_FAULT - X86_TRAP_PF || status == STATUS_FAULT - X86_TRAP_GP);
	memory_put(m);
	user_processes_settle();
}

static struct {
	u64 hits, ip, sp, cs, gs_base, handler_sp;
} hit;
static void look(struct watchpoint *w, struct pt_regs *regs)
{
	hit.hits++;
	hit.ip = regs->ip;
	hit.sp = regs->sp;
	hit.cs = regs->cs;
	hit.gs_base = rdmsr(MSR_GS_BASE);
	hit.handler_sp = (u64)regs;
}

/* Not by watchpoint_register(), which allows the kernel's own addresses alone. */
static bool watch_on(struct watchpoint *w, u64 addr, u8 len, u8 type)
{
	*w = (struct watchpoint){ .addr = addr, .len = len, .type = type, .handler = look };
	hit.hits = 0;
	if (watchpoint_arm(w) == 0)
		return true;
	ktest_fail(__FILE__, __LINE__, "no debug register", addr, 0);
	return false;
}

/* On the thread's own stack, not the user's and not the IST's; with the kernel's GS. */
static void expect_hit(u64 ip, u64 rsp0)
{
	EXPECT_EQ(hit.hits, 1);
	EXPECT_EQ(hit.cs, KERNEL_CS);
	EXPECT_EQ(hit.ip, ip);
	EXPECT_EQ(hit.gs_base, this_cpu(this_cpu_offset));
	EXPECT(hit.handler_sp < rsp0 && rsp0 - hit.handler_sp <= 2 * sizeof(struct pt_regs));
}

#define SWAPGS_SIZE 3
#define STORE_SIZE  9 /* mov [gs:user_sp], rsp */

static u64 precious[64];

/*
 * The entry's second instruction stores rsp, which is still the user's after it. One who has loaded a kernel address would have
 * #DB's frame stored there.
 */
static void step_in_at(u64 sp)
{
	u64 flags;
	struct watchpoint w;

	memset(precious, 0x5a, sizeof(precious));
	if (!watch_on(&w, (u64)this_cpu_ptr(user_sp), 8, WATCH_WRITE))
		return;
	flags = local_irq_save();
	EXPECT_EQ(ring3_run(ring3_syscall_at, sp), X86_TRAP_UD);
	expect_hit((u64)asm_syscall + SWAPGS_SIZE + STORE_SIZE, this_cpu(tss).rsp[0]);
	local_irq_restore(flags);
	watchpoint_disarm(&w);
	EXPECT_EQ(hit.sp, sp);
	EXPECT_EQ(ended.ax, 0);
	EXPECT_EQ(ended.sp, sp);
	for (size_t i = 0; i < ARRAY_SIZE(precious); i++)
		EXPECT_EQ(precious[i], 0x5a5a5a5a5a5a5a5a);
}

KTEST(syscall_entry, a_debug_trap_on_the_users_stack_stores_nothing_there)
{
	if (!begin())
		return;
	EXPECT_EQ(thread_set_affinity(1), 0);
	step_in_at(ring3_words() + 256);
	step_in_at((u64)(precious + ARRAY_SIZE(precious)));
	step_in_at(0);
	step_in_at(0xfffffffffffffff8);
	thread_set_affinity(CPU_MASK_ALL);
	end();
}

/*
 * CVE-2018-8897: the #DB that "mov ss" holds off comes at the first instruction of the kernel's. TCG holds nothing off, so here it
 * may come from user mode.
 */
static void held_off(const u8 *program, u64 vector)
{
	struct watchpoint w;
	u64 flags;

	if (!watch_on(&w, ring3_words() + 64, 4, WATCH_ACCESS))
		return;
	flags = local_irq_save();
	EXPECT_EQ(ring3_run(program, 0), vector);
	local_irq_restore(flags);
	watchpoint_disarm(&w);
	EXPECT(hit.hits);
	EXPECT_EQ(hit.gs_base, this_cpu(this_cpu_offset));
	EXPECT_EQ(ended.cs, USER_CS);
	EXPECT_EQ(ended.ss, USER_DS);
}

/* What it comes to all the same: #DB at each of these instructions, GS and perhaps rsp being the user's. */
extern const u8 asm_syscall_exit_user_stack[] __asm__("asm_syscall_exit.user_stack");

static const struct {
	const u8 *program;
	u64 vector;
	const u8 *at;
} places[] = {
	{ ring3_int3, X86_TRAP_BP, asm_exc_int3 },
	{ ring3_syscall, X86_TRAP_UD, asm_syscall },
	{ ring3_syscall, X86_TRAP_UD, asm_syscall + SWAPGS_SIZE },
	{ ring3_syscall, X86_TRAP_UD, asm_syscall_exit_user_stack },
	{ ring3_syscall, X86_TRAP_UD, asm_syscall_exit_user_stack + SWAPGS_SIZE },
};

static void stop_at(size_t i)
{
	struct watchpoint w;
	u64 flags;

	if (!watch_on(&w, (u64)places[i].at, 1, WATCH_EXECUTE))
		return;
	flags = local_irq_save();
	EXPECT_EQ(ring3_run(places[i].program, SYS_null), places[i].vector);
	expect_hit((u64)places[i].at, this_cpu(tss).rsp[0]);
	local_irq_restore(flags);
	watchpoint_disarm(&w);
	if (places[i].program == ring3_syscall)
		expect_registers(SYS_null, 0);
}

KTEST(syscall_entry, survives_what_mov_ss_has_held_off)
{
	if (!begin())
		return;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
		held_off(ring3_held_int3, X86_TRAP_BP);
		held_off(ring3_held_syscall, X86_TRAP_UD);
		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			stop_at(i);
	}
	thread_set_affinity(1); /* where other tests take it that they begin */
	thread_set_affinity(CPU_MASK_ALL);
	end();
}
