/* What the tests of jumps share: code to be probed, which counts itself in rax, and a look at what is there. */
#pragma once

#include "kprobe/internal.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

/* 4: of instructions of three bytes each; of a loop behind the first five bytes. */
extern const u8 jt_four[], jt_behind[];
/* 26: every second of these instructions can have a jump. */
extern const u8 jt_row[];
#define ROW_PROBES 13

u64 run_code(const void *code);

extern u64 hits;
/* A handler: one more. */
void count_hit(struct kprobe *p, struct pt_regs *regs);

/* Is it a jump in the text, by now? */
bool jumps(const struct kprobe *p);
