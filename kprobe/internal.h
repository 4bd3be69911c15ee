/* What the probe machinery's files share. */
#pragma once

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

/* step.c */
void step_begin(struct kprobe *p, struct pt_regs *regs);
