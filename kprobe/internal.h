/* What the probe machinery's files share. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/mm/stacks.h"
#include "kprobe/kprobe.h"
#include "lib/compiler.h"

#define KPROBE_BUCKETS 64

extern struct kprobe *kprobe_table[KPROBE_BUCKETS];

static __always_inline unsigned kprobe_bucket(u64 addr) { return (addr ^ addr >> 6) % KPROBE_BUCKETS; }

/* Any context; the chains are only ever changed by single stores. */
static __always_inline struct kprobe *kprobe_find(u64 addr)
{
	struct kprobe *p = READ_ONCE(kprobe_table[kprobe_bucket(addr)]);

	while (p && p->addr != addr)
		p = READ_ONCE(p->next);
	return p;
}

/* slot.c: out-of-line copies. */
void slot_init(void);
/* A copy of @insn, displacement adjusted, or NULL when there is no slot left. */
u8 *slot_alloc(u64 addr, const struct insn *insn);
void slot_free(u8 *slot);

/* emulate.c: instructions that are never stepped. */
bool can_emulate(const struct insn *insn);
/* Does at @regs what the instruction at @p would do; what do_int3() must return. */
u64 emulate(const struct kprobe *p, struct pt_regs *regs);

/*
 * Steps nest when a copy faults, when an NMI comes between int3 and #DB, or when #DB's own handler
 * hits a probe. Each level costs at least a trap frame, so the stacks end before this does.
 */
#define MAX_STEPS ((TASK_STACK_SIZE + 2 * IST_STACK_SIZE) / TRAP_FRAME_SIZE)

struct step {
	struct kprobe *p;
	u64 flags;	  /* TF and IF as they were */
	u32 vector_depth; /* of the int3 that began it, and so of the #DB that will end it */
	bool handled;	  /* pre has run, so post will; otherwise both are left out, and counted once */
};
DECLARE_PER_CPU(struct step, steps[MAX_STEPS]);

/* event.c. A handler like the probes' own, called as they are, by a pointer: the event of a hit without them. */
extern void (*kprobe_missed_handler)(struct kprobe *p);

/* step.c */
void step_begin(struct kprobe *p, struct pt_regs *regs, bool handled);
/* Ends the innermost step after its copy ran: flags and ip as if the original had. */
struct kprobe *step_finish(struct pt_regs *regs);
