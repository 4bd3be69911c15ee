/* What becomes of an exception in user mode. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

/*
 * Thread context of a user's thread, interrupts on. @about: CR2 of a page fault, DR6 of a #DB. Either the thread goes on as @regs
 * say, or its process is killed, and so is it.
 */
void user_fault(struct pt_regs *regs, u64 about);
