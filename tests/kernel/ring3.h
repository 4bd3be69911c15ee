/*
 * Ring 3 for tests: a page of programs, a page of words, a way there and a way back. No process, no system calls.
 *
 *	ring3_make();
 *	vector = ring3_run(ring3_spin, 0);	on any CPUs at once, each in a thread of its own
 *	ring3_wait(cpu); ... ring3_leave(cpu);	from elsewhere
 *	ring3_drop();
 *
 * Interrupts are on in ring 3 and preemption is off; RCU doesn't watch. Interrupts and NMIs return there. Any
 * exception ends the run.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

/* The programs; @arg of ring3_run() is theirs. */
extern const u8 ring3_programs[]; /* the first of them */
extern const u8 ring3_spin[];	  /* goes round until it is told to leave: ends by #UD */
extern const u8 ring3_spin_nmi[]; /* the same, and then as ring3_nmi */
extern const u8 ring3_nmi[];	  /* one "int $2", which goes through the NMI's gate; ends by #UD */
extern const u8 ring3_ud[];	  /* ends by #UD */
extern const u8 ring3_int3[];	  /* … by #BP */
extern const u8 ring3_step[];	  /* … by #DB: steps itself */
extern const u8 ring3_icebp[];	  /* … by #DB: int1; on QEMU's CPU by #UD */
extern const u8 ring3_int_1[];	  /* … by #DB: "int $1", which goes through its gate */
extern const u8 ring3_int_1_behind[];
extern const u8 ring3_int_1_step[]; /* … the same while it steps itself */
extern const u8 ring3_int_1_stepped[];
extern const u8 ring3_read[];  /* … reads from @arg, then by #UD */
extern const u8 ring3_write[]; /* … writes to @arg, then by #UD */
extern const u8 ring3_jump[];  /* … jumps to @arg */

#define RING3_SYSCALLS 1000
extern const u8 ring3_syscalls[]; /* so many null system calls, one behind the other; ends by #UD */
extern const u8
	ring3_syscall[]; /* call number @arg, with @arg + 1, 2, … in all registers in order; ends by #UD */
extern const u8 ring3_syscall_at[];   /* a null system call with rsp = @arg; ends by #UD */
extern const u8 ring3_syscall_step[]; /* steps itself over one; ends by #DB */
extern const u8 ring3_syscall_stepped[];
/* "mov ss" from the word at byte 64 of its words, which a watchpoint may be at, and int3; the same and a null system call, and #UD. */
extern const u8 ring3_held_int3[], ring3_held_syscall[];

/* Thread context. The pages; false, with a failure reported, without memory. */
bool ring3_make(void);
/* Thread context, when no CPU is in ring 3. All is as before. */
void ring3_drop(void);

/*
 * Thread context, after ring3_make(); interrupts on or off. This CPU runs @program; returns the vector of the exception
 * that ended it. One run at a time on each CPU.
 */
u64 ring3_run(const u8 *program, u64 arg);
/* Any context. CPU @cpu leaves its ring3_spin; the next one it begins, when it isn't in one now. */
void ring3_leave(u32 cpu);
/* Thread context. Returns when CPU @cpu's ring3_spin has gone a whole round from now on. */
void ring3_wait(u32 cpu);

/* If not NULL, called with the registers of the exception that ends a run: in its context, all unchanged yet. */
extern void (*ring3_witness)(struct pt_regs *regs);

/* Thread context, after ring3_make(), and back before ring3_drop(). May ring 3 use "int" of this vector? */
void ring3_open_gate(u8 vector, bool open);

/* Where this CPU's words are in ring 3. */
u64 ring3_words(void);
