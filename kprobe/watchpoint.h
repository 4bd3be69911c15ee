/* Watchpoints: a handler when memory is accessed, or an instruction is about to run, by the CPUs' debug registers. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

/* As DR7 has them. */
enum watch_type { WATCH_EXECUTE = 0, WATCH_WRITE = 1, WATCH_ACCESS = 3 /* reads and writes */ };

struct watchpoint {
	u64 addr;
	u8 len;	    /* 1, 2, 4 or 8, which @addr is a multiple of; 1 for WATCH_EXECUTE */
	u8 type;    /* enum watch_type */
	u8 reg;	    /* watchpoint.c's own: which of the four */
	bool armed; /* ... it has one */
	bool always; /* its handler is called whatever the guard says, counts nothing, and has regs->ip as it is */
	/*
	 * As in a trap, perhaps in an NMI. regs->ip is behind the instruction that has accessed it; with WATCH_EXECUTE it
	 * is the instruction, which hasn't run.
	 */
	void (*handler)(struct watchpoint *w, struct pt_regs *regs);
	u64 hits, nmissed; /* nmissed: the handler left out, as it happened inside a handler or the tracer */
};

/* Thread context, as all here. Takes nothing yet: -EINVAL, or -EILSEQ as kprobe_check(), and what is wrong as a sentence in *@why. */
int watchpoint_register(struct watchpoint *w, const char **why);
/* Disarms first. Afterwards its handler doesn't run any more. */
void watchpoint_unregister(struct watchpoint *w);
/* On all CPUs, and those that come up later. -ENOSPC: the four registers are out. */
int watchpoint_arm(struct watchpoint *w);
void watchpoint_disarm(struct watchpoint *w);
/* One that is armed: to @addr, of which the same must be true. */
void watchpoint_move(struct watchpoint *w, u64 addr);

/* Which registers are taken, a bit each. */
unsigned watchpoints_taken(void);
/* Takes these back, for who may not touch what had them: it is gone. */
void watchpoints_drop(unsigned which);

/*
 * From traps.c, after kprobe_debug(), which has moved regs->ip back: what DR6 says, and DR7 as it was in force. True: that was all
 * there was.
 */
bool watchpoint_debug(struct pt_regs *regs, u64 dr6, u64 dr7);
