/* The instruction syscall, and the way to user mode: syscall.asm. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

/* Each CPU: from now on user mode has the instruction. */
void syscall_init_cpu(void);

/*
 * Hidden. Interrupts off, RCU not watching. User mode for the first time, at @ip with @sp and two arguments, all else being 0;
 * the thread's stack begins at rsp[0] of the TSS, and what lies below is no more.
 */
void __noreturn asm_user_enter(u64 ip, u64 sp, u64 arg0, u64 arg1);
