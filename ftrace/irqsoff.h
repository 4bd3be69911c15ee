/* What was found with interrupts off, for who prints it. */
#pragma once

#include "lib/types.h"

#define IRQSOFF_NOTES 512

struct irqsoff_note {
	u64 time, ip, parent_ip;
	u32 word; /* context word */
	s32 pid;
};

struct irqsoff_longest {
	u64 ns, since; /* 0: none yet */
	u64 began_at, ended_at;
	u32 cpu;
	s32 pid;
	u32 nr, written; /* notes, and how many would have been */
	struct irqsoff_note *notes;
};
extern struct irqsoff_longest irqsoff_longest;

/* Interrupts off, all the while. */
void irqsoff_take(void);
void irqsoff_give_back(void);

/* irqsoff_print.c */
extern const struct trace_look irqsoff_look;
