/*
 * bust_kprobes(): the way back from a recursion of traps that has eaten its stack.
 *
 * It takes no lock and waits for nobody. All first bytes go back into the text, one atomic byte
 * each, and the interrupted context resumes where the *first* trap of the recursion hit it, with
 * the CPU's accounting as it was then: what was live below goes on as if nothing had been.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

/*
 * For the handler of an overflowed stack: when the innermost traps are all on account of one probe,
 * rewrites @regs to the frame the first of them interrupted and says true. False: no recursion
 * here, or forbidden.
 */
bool bust_kprobes(struct pt_regs *regs);
/* Any context. The first half of it: all probes out of the text. How many there were. */
unsigned bust_disarm_all(void);
/* Thread context or trap context with RCU watching, on the CPU of a bust: says what it did. */
void bust_report(void);

/*
 * The same for a recursion of plain calls, which the guard's policy "none" allows: has @regs go on where the outermost call of a
 * callback returns, given up (context/recover.h). False: there is none.
 */
bool give_up_calls(struct pt_regs *regs);

extern u64 bust_count;
extern bool bust_enabled; /* test/bust */
