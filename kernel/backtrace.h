/* Who called whom: the chain of frame pointers, across traps and stacks. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/seq.h"

/* Any context. From @regs, or from the caller when NULL. Reads only inside known stacks, so a spoiled chain just ends. */
void backtrace(struct seq *out, const struct pt_regs *regs);
