/* The system calls' table. */
#pragma once

#include "abi/syscall.h"
#include "arch/x86/entry/pt_regs.h"

/* Thread context, interrupts on. What goes back in rax; messages go by the registers themselves. */
typedef long (*syscall_fn)(struct pt_regs *regs);
extern const syscall_fn syscalls[NR_SYSCALLS];

/* Those below are called by the entry itself, the others by way of do_syscall(): all of them, when somebody wants to see them. */
extern u64 syscalls_direct;
