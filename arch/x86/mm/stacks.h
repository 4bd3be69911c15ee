/*
 * Kernel stacks, each over a guard page, and which of them an address lies in.
 *
 * The arithmetic: a trap costs 176 bytes of pt_regs and up to 16 of alignment, and the deepest
 * chain of C under one trap (int3 with a traced, printing handler) was measured below 1.5 KiB. The
 * worst legitimate nesting is task, irq, int3, its handler's #PF, #DB: five of them, under 8 KiB;
 * the task stack has twice that. An IST stack holds one NMI or #DF with its own int3, #DB and #PF.
 */
#pragma once

#include "lib/types.h"

#define TASK_STACK_SIZE 16384
#define IST_STACK_SIZE	8192
#define GUARD_SIZE	4096

enum stack_id {
	STACK_TASK,
	STACK_DB,
	STACK_DB2, /* #DB's, while an NMI runs */
	STACK_NMI,
	STACK_DF,
	STACK_MC,
	NR_STACKS,
};

struct kstack {
	const char *name;
	u64 guard;     /* from here up to the base nothing is mapped: at least a page */
	u64 base, top; /* [base, top) */
};

extern const struct kstack kstacks[NR_STACKS];

/*
 * Stacks made at run time (mm/vmem.h) lie in an area of their own, one at the upper end of each
 * slot. So an address says which slot it is in, and an overflow finds its stack by arithmetic, even in the
 * double fault handler.
 */
#define STACK_AREA	0xffffc90000000000ul
#define STACK_SLOT_SIZE 32768ul
#define STACK_SLOTS	1024
#define KSTACK_MAX	(STACK_SLOT_SIZE - GUARD_SIZE)

/* What mm/vmem.c keeps: a slot's description is whole before its bit is set, and until after it is clear. */
extern struct kstack stack_slots[STACK_SLOTS];
extern u64 stack_slots_live[STACK_SLOTS / 64];

/* The stack that holds @addr, or NULL. Any context, the emergency included. */
const struct kstack *stack_of(u64 addr);
/* The stack whose guard page holds @addr, or NULL. */
const struct kstack *stack_guarded_at(u64 addr);
