/* The short way of messages (ipc_direct.c), and what it falls back to. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "lib/static_key.h"
#include "lib/types.h"

/*
 * Thread context. May whoever ends the system call that has @regs forget what has called us? Nothing is left to be done there but
 * to go back to user mode: the entry itself has called, nobody has hooked the return, and no step is to be reported.
 */
static __always_inline bool ipc_may_forget(const struct pt_regs *regs)
{
	return ((const u64 *)regs)[-1] == (u64)asm_syscall_done && !(regs->flags & X86_EFLAGS_TF);
}

/* Somebody looks on: then all goes in order, and where is written what. */
extern struct static_key ipc_watched_key;
/* Interrupts off. May this thread be left in that call for another, as if by nobody's decision? Nobody has asked for this CPU either. */
static __always_inline bool ipc_may_leave(const struct pt_regs *regs)
{
	return !static_branch_unlikely(&ipc_watched_key) &&
	       likely(context_read() == CONTEXT_NO_RESCHED && ipc_may_forget(regs));
}

/* The system calls themselves, whatever their partner does. */
long ipc_call_in_order(struct pt_regs *regs);
long ipc_reply_receive_in_order(struct pt_regs *regs);
