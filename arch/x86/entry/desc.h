/* Segments, the task state segment with its IST stacks, and the interrupt descriptor table. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/types.h"

/*
 * The order is syscall's and sysret's (SDM vol. 3, 5.8.8): code and stack follow each other for the kernel; sysret
 * takes the user's stack 8 above a base and his code 16 above it. With KERNEL_DS as that base both are here. The
 * lowest bits are the privilege they are loaded with.
 */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS	  (0x18 | 3)
#define USER_CS	  (0x20 | 3)
#define TSS_SEL	  0x28
static_assert(USER_DS == ((KERNEL_DS + 8) | 3) && USER_CS == ((KERNEL_DS + 16) | 3), "what sysret will load");

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

struct tss { /* SDM vol. 3, figure 8-11 */
	u32 reserved0;
	u64 rsp[3]; /* rsp[0]: where the stack starts when something happens in user mode */
	u64 reserved1;
	u64 ist[7]; /* ist[0] is IST1 */
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} __packed;
static_assert(sizeof(struct tss) == 104, "the CPU reads 104 bytes");
DECLARE_PER_CPU(struct tss, tss);

/*
 * Each CPU, once: loads its GDT and TSS; @stacks are the upper ends of its IST stacks, where whose they
 * are is written. GS is loaded already.
 */
void segments_init(const u64 stacks[NR_STACKS]);
/* Points all 256 vectors at their stubs and loads the table. Boot, once. */
void idt_init(void);
/* The other CPUs: loads the same table. */
void idt_load(void);

/*
 * What stands above the place where an IST stack starts: what a stub must know before it may trust GS. The
 * CPU's frame begins right below.
 */
struct ist_top {
	u64 gs_base;	 /* of the CPU whose stack this is */
	u32 nmi_running; /* NMI's only: is one being handled */
	u32 nmi_nested;	 /* NMI's only: how many came in the middle, and had it handled once more */
};
static_assert(sizeof(struct ist_top) % 16 == 0, "the CPU aligns the stack it starts on");

/* This CPU's, of its NMI stack. */
DECLARE_PER_CPU(struct ist_top *, nmi_top);

/* Where #DB's two stacks on this CPU start: the one it has, and the one it has while an NMI runs. */
DECLARE_PER_CPU(u64, debug_stack);
DECLARE_PER_CPU(u64, debug_stack_in_nmi);
/* Gives #DB another stack while an NMI runs (which may have interrupted #DB on its own); returns the one it had. */
u64 ist_debug_swap(u64 stack_top);
