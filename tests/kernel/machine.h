/* Runs a piece of code with every register and the flags given, and says what it left in them. */
#pragma once

#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include "sched/thread.h"

/* machine.asm knows the order. */
struct machine {
	u64 ax, bx, cx, dx, si, di, bp, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 flags;
	u64 sp; /* out only: by how much the code left the stack pointer wrong */
};
static_assert(sizeof(struct machine) == 17 * 8, "machine.asm counts in words");

/* Thread context, not nested. Calls @code, which returns by ret, with @m's registers; @m is then what it left. */
void machine_run(struct machine *m, const void *code);

/* Reports each register in which the two differ as a failure of @name, variant @n. */
void machine_expect_same(const char *name, int n, const struct machine *got, const struct machine *want);

/* A different, telling value in every register. */
extern const struct machine machine_pattern;

/*
 * A function in visible text, of known size: in C it is a `const u8 name[]`. Its labels 1 and 2 are
 * kept in name_at[]: the instruction a test is about, and the one after it. @more: EX_TABLE() or "".
 */
#define CODE(name, before, insn, after, more)                                                         \
	extern const u8 name[];                                                                       \
	extern const u64 name##_at[2];                                                                \
	__asm__(".pushsection .text\n.type " #name ", @function\n" #name ":\n\t" before "\n1:\t" insn \
		"\n2:\t" after "\n\tret\n.size " #name ", . - " #name "\n"                            \
		".pushsection .rodata\n.balign 8\n" #name "_at: .quad 1b, 2b\n.popsection\n" more     \
		"\n.popsection")

/* The stack of that kind, on this CPU and of this thread. */
static inline const struct kstack *own_stack(enum stack_id id)
{
	return id == STACK_TASK && current()->stack ? current()->stack : &kstacks[id];
}
