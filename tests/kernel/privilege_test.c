/* What a process must not do, by table: each attempt ends in its own trap, or in an error, and the kernel goes on. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "lib/ktest.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/user_process.h"

/* Programs of user_programs.asm. */
/* clang-format off */
#define ATTEMPTS(X)                                                                                          \
	X(cli, GP) X(sti, GP) X(hlt, GP) X(in, GP) X(out, GP) X(in_dx, GP)                                   \
	X(read_cr0, GP) X(write_cr0, GP) X(write_cr3, GP) X(write_cr4, GP) X(write_cr8, GP)                  \
	X(read_dr7, GP) X(write_dr7, GP) X(rdmsr, GP) X(wrmsr, GP)                                           \
	X(lgdt, GP) X(lidt, GP) X(lldt, GP) X(ltr, GP) X(lmsw, GP) X(clts, GP)                               \
	X(invd, GP) X(wbinvd, GP) X(invlpg, GP) X(swapgs, GP) X(sysret, GP) X(stac, UD)        \
	X(sgdt, GP) X(sidt, GP) X(str, GP) X(smsw, GP)                                                       \
	X(int2, GP) X(int14, GP) X(int32, GP) X(int128, GP) X(int255, GP)                                    \
	X(int3, BP) X(int_3, BP) X(ud2, UD) X(step, DB) X(divide, DE)                           \
	X(kernel_ss, GP) X(iopl, GP) X(noncanonical, GP)
/* The second: TCG doesn't know the instruction; it takes the user's stack with the kernel's right, which SMAP forbids. */
#define ATTEMPTS_OR(X) X(icebp, DB, UD) X(kernel_cs, GP, PF) X(iret_kernel, GP, PF)
#define DECLARE_OR(name, vector, or) DECLARE(name, vector)
#define ROW_OR(name, vector, or) { #name, up_##name, X86_TRAP_##vector, X86_TRAP_##or },
#define DECLARE(name, vector) extern const u8 up_##name[];
ATTEMPTS(DECLARE)
ATTEMPTS_OR(DECLARE_OR)
#define ROW(name, vector) { #name, up_##name, X86_TRAP_##vector, X86_TRAP_##vector },
static const struct {
	const char *name;
	const u8 *program;
	int vector, or ;
} attempts[] = { ATTEMPTS(ROW) ATTEMPTS_OR(ROW_OR) };
/* clang-format on */

KTEST(privilege, instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int status = user_process_run(attempts[i].program, 0, 0);

		if (status != STATUS_FAULT - attempts[i].vector && status != STATUS_FAULT - attempts[i].or)
			ktest_fail(attempts[i].name, 0, "the status it ended with", (u64)(s64)status,
				   (u64)(s64)(STATUS_FAULT - attempts[i].vector));
	}
}

static u64 secret;

/* Every area of docs/design.md's list, its ends, and what is between; and the user's own limits. */
KTEST(privilege, addresses)
{
	const struct {
		u64 addr;
		int vector;
	} places[] = {
		{ 0, 14 },
		{ 0xfff, 14 },
		{ USER_START, 14 }, /* nothing is mapped there */
		{ USER_END - 8, 14 },
		{ USER_END, 14 },
		{ 0x00007ffffffffff8, 14 },
		{ 0x0000800000000000, 13 },
		{ 0xffff7ffffffffff8, 13 },
		{ 0xffff800000000000, 14 },
		{ DIRECT_MAP, 14 },
		{ DIRECT_MAP + (1ul << 20), 14 },
		{ (u64)current()->stack, 14 },
		{ STACK_AREA, 14 },
		{ STACK_AREA + STACK_SLOT_SIZE - 8, 14 },
		{ KERNEL_BASE, 14 },
		{ (u64)&secret, 14 },
		{ (u64)user_process_run, 14 },
		{ SLOT_AREA, 14 },
		{ APIC_VA, 14 },
		{ 0xfffffffffffffff8, 14 },
	};
	const u8 *const ways[] = { up_read, up_write, up_jump };

	for (size_t w = 0; w < ARRAY_SIZE(ways); w++)
		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			int status = user_process_run(ways[w], places[i].addr, 0);

			if (status != STATUS_FAULT - places[i].vector)
				ktest_fail("addresses", (int)w, "the status it ended with", (u64)(s64)status,
					   places[i].addr);
		}
	/* W^X. */
	EXPECT_EQ(user_process_run(up_write, PROGRAM_BASE, 0), STATUS_FAULT - 14);
	EXPECT_EQ(user_process_run(up_jump, WORDS_BASE, 0), STATUS_FAULT - 14);
	EXPECT_EQ(user_process_run(up_read, PROGRAM_BASE, 0), 0);
	EXPECT_EQ(user_process_run(up_write, WORDS_BASE, 0), 0);
}

/* Calls by @u, and what each must say. */
struct expected {
	u64 number, args[6];
	s64 result;
};

static void expect_calls(struct user_process *u, const struct expected *table, size_t n)
{
	struct user_call calls[96];

	if (n > ARRAY_SIZE(calls))
		n = ARRAY_SIZE(calls);
	for (size_t i = 0; i < n; i++) {
		calls[i] = (struct user_call){ .number = table[i].number };
		memcpy(calls[i].args, table[i].args, sizeof(calls[i].args));
	}
	EXPECT_EQ(user_process_calls(u, calls, n), 0);
	for (size_t i = 0; i < n; i++)
		if ((s64)calls[i].result != table[i].result)
			ktest_fail("call", (int)i, "its result", calls[i].result, (u64)table[i].result);
}

KTEST(privilege, pointers)
{
	const struct expected table[] = {
		{ SYS_print, { 0, 1 }, -EFAULT },
		{ SYS_print, { 0, 0 }, 0 },
		{ SYS_print, { WORDS_BASE + 4095, 0 }, 0 },
		{ SYS_print, { WORDS_BASE, ~0ul }, -E2BIG },
		{ SYS_print, { WORDS_BASE, 4097 }, -E2BIG },
		{ SYS_print, { 0x500000, 1 }, -EFAULT }, /* unmapped */
		{ SYS_print,
		  { WORDS_BASE + WORDS_PAGES * PAGE_SIZE - 1, 2 },
		  -EFAULT }, /* the second byte is */
		{ SYS_print, { USER_END - 1, 1 }, -EFAULT },
		{ SYS_print, { USER_END, 1 }, -EFAULT },
		{ SYS_print, { 0x0000800000000000, 1 }, -EFAULT },
		{ SYS_print, { 0x8000000000000000, 1 }, -EFAULT },
		{ SYS_print, { (u64)&secret, 8 }, -EFAULT },
		{ SYS_print, { DIRECT_MAP + 0x100000, 8 }, -EFAULT },
		{ SYS_print, { ~0ul, 1 }, -EFAULT },
		{ SYS_print, { ~0ul, 4096 }, -EFAULT },
		{ SYS_process_create, { (u64)&secret, 4 }, -EFAULT },
		{ SYS_process_create, { WORDS_BASE, 16 }, -ENAMETOOLONG },
		{ SYS_process_create, { WORDS_BASE + PAGE_SIZE, 4 }, -EINVAL }, /* zeros */
		{ NR_SYSCALLS, { 0 }, -ENOSYS },
		{ 0x8000000000000000, { 0 }, -ENOSYS },
		{ 1ul << 32, { 0 }, -ENOSYS }, /* not SYS_null */
		{ ~0ul, { 0 }, -ENOSYS },
	};
	struct user_process u;

	if (user_process(&u, "pointers"))
		expect_calls(&u, table, ARRAY_SIZE(table));
}

/* A handle of each kind, with rights of which each call lacks one; and numbers that are none. */
KTEST(privilege, handles)
{
	struct user_process u;
	struct endpoint *e = endpoint_create();
	struct notification *n = notification_create();
	u64 ep, no, pr;

	if (!e || !n || !user_process(&u, "handles"))
		return;
	ep = (u64)process_give(u.process, &e->object, 0, 0);
	no = (u64)process_give(u.process, &n->object, 0, 0);
	pr = (u64)process_give(u.process, &u.process->object, 0, 0);
	{
		const struct expected table[] = {
			{ SYS_handle_close, { 0 }, -EBADF },
			{ SYS_handle_close, { ~0ul }, -EBADF },
			{ SYS_handle_close, { ep | 1ul << 32 }, -EBADF },
			{ SYS_handle_close, { ep ^ 1ul << 30 }, -EBADF },
			{ SYS_handle_duplicate, { ep, 0, 0 }, -EACCES },
			{ SYS_handle_duplicate, { ep, RIGHTS_ALL, 0 }, -EACCES },
			{ SYS_handle_duplicate, { ep, 1ul << 31, 0 }, -EINVAL },
			{ SYS_ipc_call, { ep }, -EACCES },
			{ SYS_ipc_receive, { ep }, -EACCES },
			{ SYS_ipc_reply, { ep }, -EACCES },
			{ SYS_ipc_reply_receive, { ep }, -EACCES },
			{ SYS_ipc_call, { no }, -EINVAL },
			{ SYS_ipc_call, { 5 }, -EBADF },
			{ SYS_endpoint_bind, { ep, no }, -EACCES },
			{ SYS_endpoint_bind, { no, ep }, -EINVAL },
			{ SYS_notification_signal, { no, 1 }, -EACCES },
			{ SYS_notification_signal, { ep, 1 }, -EINVAL },
			{ SYS_notification_wait, { no, 1 }, -EACCES },
			{ SYS_process_kill, { pr, 1 }, -EACCES },
			{ SYS_process_kill, { ep, 1 }, -EINVAL },
			{ SYS_process_start, { pr, PROGRAM_BASE, 0, 0, 0, 8 }, -EACCES },
			{ SYS_process_start, { 0, USER_END, 0, 0, 0, 8 }, -EINVAL },
			{ SYS_process_start, { 0, 0x8000000000000000, 0, 0, 0, 8 }, -EINVAL },
			{ SYS_process_start, { 0, PROGRAM_BASE, 0, 0, 0, 32 }, -EINVAL },
			{ SYS_process_start, { 0, PROGRAM_BASE, 0, 0, 0, 0 }, -EINVAL },
			{ SYS_process_start, { 0, PROGRAM_BASE, 0, 0, 0, 264 }, -EINVAL },
			{ SYS_process_give, { pr, ep, 0, 0 }, -EACCES },
			{ SYS_process_give, { 0, ep, 0, 0 }, -EACCES },
			{ SYS_process_faults, { 0, ep }, -EACCES },
			{ SYS_process_faults, { 0, no }, -EINVAL },
			{ SYS_process_watch, { pr, no, 1 }, -EACCES },
			{ SYS_process_watch, { 0, no, 1 }, -EACCES },
			{ SYS_process_status, { pr }, -EACCES },
			{ SYS_process_status, { 0 }, -EAGAIN },
			{ SYS_space_map, { pr, 0x800000, 1, ep, 0, MAP_READ }, -EACCES },
			{ SYS_space_map, { 0, 0x800000, 1, ep, 0, MAP_READ }, -EINVAL },
			{ SYS_space_map, { 0, 0x800000, 1, 99, 0, MAP_READ }, -EBADF },
			{ SYS_space_map, { 0, 0x800000, 1, ep, 0, 0 }, -EINVAL },
			{ SYS_space_map, { 0, 0x800000, 1, ep, 0, 8 }, -EINVAL },
			{ SYS_space_unmap, { 0, 1, 1 }, -EINVAL },
			{ SYS_space_unmap, { 0, 0xffff800000000000, 1 }, -EINVAL },
			{ SYS_space_unmap, { 0, PAGE_SIZE, ~0ul }, -EINVAL },
			{ SYS_space_protect,
			  { 0, WORDS_BASE, 1, MAP_READ | MAP_WRITE | MAP_EXECUTE },
			  -EINVAL },
			{ SYS_space_protect, { 0, WORDS_BASE, 1, 1ul << 32 }, -EINVAL },
			{ SYS_space_protect, { 0, PROGRAM_BASE, 1, MAP_WRITE }, -EACCES },
			{ SYS_space_protect, { 0, 0x900000, 1, MAP_READ }, -EFAULT },
			{ SYS_memory_create, { 0 }, -EINVAL },
			{ SYS_memory_create, { 1ul << 40 }, -EINVAL },
			{ SYS_memory_seal, { ep }, -EINVAL },
		};

		expect_calls(&u, table, ARRAY_SIZE(table));
	}
	object_put(&e->object);
	object_put(&n->object);
}
