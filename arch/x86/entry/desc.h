/* Segments, the task state segment with its IST stacks, and the interrupt descriptor table. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/mm/stacks.h"
#include "lib/types.h"

#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define TSS_SEL	  0x18

/*
 * Vectors that must have a good stack whatever the interrupted one is like (SDM vol. 3, 6.14.5).
 * #BP is not among them: an IST stack restarts at its top, so a recursive int3 would overwrite the
 * frame of the one before it.
 */
enum ist_index {
	IST_NONE,
	IST_DB, /* entered here, then moved to the interrupted stack: entry.asm, asm_exc_debug */
	IST_NMI,
	IST_DF,
	IST_MC,
	NR_IST,
};

/* Each CPU, once: loads its GDT and TSS; @stacks are the upper ends of its IST stacks. GS is loaded already. */
void segments_init(const u64 stacks[NR_STACKS]);
/* Points all 256 vectors at their stubs and loads the table. Boot, once. */
void idt_init(void);
/* The other CPUs: loads the same table. */
void idt_load(void);

/* entry.asm's: is an NMI being handled on this CPU; how many came in the middle, and had it handled once more. */
DECLARE_PER_CPU(u32, nmi_running);
DECLARE_PER_CPU(u64, nmi_nested);

/* #DB's two stacks on this CPU: the one it has, and the one it has while an NMI runs. */
DECLARE_PER_CPU(u64, debug_stack);
DECLARE_PER_CPU(u64, debug_stack_in_nmi);
/* Gives #DB another stack while an NMI runs (which may have interrupted #DB on its own); returns the one it had. */
u64 ist_debug_swap(u64 stack_top);
