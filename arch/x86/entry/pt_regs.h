/*
 * The registers of an interrupted context, as entry.asm leaves them on the stack.
 *
 *   high   ss  sp  flags  cs  ip        pushed by the CPU (SDM vol. 3, 6.14.2)
 *          error                        by the CPU or, as 0, by the stub
 *          vector                       by the stub
 *   low    ax … r15                     by the stub, in push order
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct pt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 vector;
	/*
	 * The CPU's, or 0. On the way out of int3: the word to push, see REGS_PUSH. #DB, NMI and #MC: by which
	 * bits the interrupted GS base differs from the kernel's; it is put back. A system call: its number.
	 */
	u64 error;
	u64 ip, cs, flags, sp, ss;
};

static_assert(sizeof(struct pt_regs) == 176, "the frame entry.asm builds is 22 words");
static_assert(sizeof(struct pt_regs) % 16 == 0, "C is called with a 16-aligned stack");

/* Smallest stack a nested trap takes: what bounds how deep traps can nest on one stack. */
#define TRAP_FRAME_SIZE sizeof(struct pt_regs)

/* do_int3() sets this in .vector to have .error pushed on the interrupted stack (an emulated push). */
#define REGS_PUSH (1ul << 33)

/* pt_regs.vector of registers that no trap saved: a call did. */
#define VECTOR_NONE    256
#define VECTOR_SYSCALL 257

#define X86_EFLAGS_TF	(1ul << 8)
#define X86_EFLAGS_IF	(1ul << 9)
#define X86_EFLAGS_DF	(1ul << 10)
#define X86_EFLAGS_IOPL (3ul << 12)
#define X86_EFLAGS_NT	(1ul << 14)
#define X86_EFLAGS_RF	(1ul << 16)
#define X86_EFLAGS_AC	(1ul << 18)

static __always_inline bool user_mode(const struct pt_regs *regs) { return regs->cs & 3; }
