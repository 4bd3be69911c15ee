/* The instruction syscall, and the way to user mode: syscall.asm. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

/* Each CPU: from now on user mode has the instruction. */
void syscall_init_cpu(void);

/* Where the entry goes on when what it has called from the table returns. */
extern const u8 asm_syscall_done[] __asm__("asm_syscall.done");
/* And that of traps from user mode, when do_user_trap() does. */
extern const u8 asm_user_trap_done[] __asm__("user_saved.done");

struct pt_regs;
struct spinlock;
struct thread;
#define SPINLOCK_SERVING 4 /* context/spinlock.h asserts it */

/*
 * Hidden. Interrupts off, RCU watching. To user mode as the current thread, which waited for a message and has its stack at @top: with
 * that in @from, which is another's, and @lock released.
 */
void __noreturn asm_ipc_called(const struct pt_regs *from, u64 top, struct spinlock *lock, u64 badge,
			       u64 token);
void __noreturn asm_ipc_replied(const struct pt_regs *from, u64 top, struct spinlock *lock);
/* The same, as any thread that has become the current one, with what lies at the top of its stack; what is below is no more. */
void __noreturn asm_syscall_resume(void);
/* The same out of a trap, which leaves its record and is one less (bb_depth). */
void __noreturn asm_user_trap_resume(void);

/* Where switch_to() goes on in a thread that waited, or was set aside, and had no frames. It calls the next, which is kernel/'s. */
void asm_thread_woken(void);
/* Interrupts off, on both sides. In a switch from @prev; afterwards @regs are ready for user mode. True: out of a trap. */
bool ipc_woken(struct thread *prev, struct pt_regs *regs);

/*
 * Hidden. Interrupts off, RCU not watching. User mode for the first time, at @ip with @sp and two arguments, all else being 0;
 * the thread's stack begins at rsp[0] of the TSS, and what lies below is no more.
 */
void __noreturn asm_user_enter(u64 ip, u64 sp, u64 arg0, u64 arg1);
