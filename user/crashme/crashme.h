/* What crashme is started with, and what it tells whoever started it: in memory that both have mapped. */
#pragma once

#include "abi/syscall.h"
#include "lib/types.h"

#define CRASH_NUMBERS (NR_SYSCALLS + 2) /* and some that are none */
#define CRASH_ERRNOS  128
#define CRASH_REPORT  0x5a5a5000ul /* where the report is mapped; no random argument hits it */

/* Counted by all that crash, whole numbers, and never reset by them. */
struct crash_report {
	u32 stop;				/* the witness and its server are to end */
	u32 seen;				/* what the witness has checked so far */
	u32 made;				/* calls, whether they came back or not */
	u32 granted;				/* messages that gave memory away */
	u32 began[CRASH_NUMBERS];		/* the same by number */
	u32 ended[CRASH_NUMBERS][CRASH_ERRNOS]; /* 0: it succeeded */
};

enum crash_role { CRASH_CALLS, CRASH_WITNESS, CRASH_SERVER };

/* On the stack; rdi is its address. Handles of what only the kernel can give; all rights, but not the one to end the machine. */
struct crash_start {
	u32 role;
	u32 calls; /* how many, by each of its two threads */
	u64 seed;
	u32 self, trace, ports, irq;
	u32 endpoint, notification; /* shared by all that crash; the witness's endpoint is another */
};

static inline struct crash_report *crash_report(void) { return (struct crash_report *)CRASH_REPORT; }

/* calls.c: that many random calls. */
void crash_calls(const struct crash_start *s, u64 seed, u32 calls);
/* witness.c: until it is told to stop, the status to end with: 0, all was as it should be. */
int crash_witness(u32 endpoint);
int crash_server(u32 endpoint);
