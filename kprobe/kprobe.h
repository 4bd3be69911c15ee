/*
 * Probes: an int3 over an instruction's first byte, a handler when it is hit, and then the displaced
 * instruction itself, executed from a copy under single-step, or emulated.
 *
 * The state of a hit:
 *   armed --int3--> pre handler --> copy under TF --#DB--> fix-up --> post handler --> after the instruction
 *                              \--> emulated -----------------------/
 * A hit inside any of this (in a handler, in a fault of the copy) is executed the same way, on the
 * next place of a per-CPU stack of steps; only its handlers are left out, and counted in nmissed.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/insn/insn.h"
#include "lib/types.h"

struct kprobe {
	u64 addr;
	/* Trap context: nothing that sleeps. regs->ip is the probed address in pre, the next one to run in post. */
	void (*pre)(struct kprobe *p, struct pt_regs *regs);
	void (*post)(struct kprobe *p, struct pt_regs *regs);

	u64 hits, nmissed; /* handlers run; hits whose handlers were left out */

	/* kprobe/'s own from here. */
	struct kprobe *next; /* in its hash chain */
	struct insn insn;
	u8 original; /* the first byte, while the int3 is in its place */
	bool armed;
	bool busted; /* disarmed by the last bust */
	u8 *slot;    /* the copy; NULL when the instruction is emulated */
};

/* Boot, once: the page of slots. */
void kprobe_init(void);

/*
 * Thread context. May @addr be probed? 0 and the decoded instruction; or -EILSEQ (no instruction
 * starts there), -EINVAL (hidden, not text, or an instruction that can't run elsewhere), -EBUSY
 * (a function entry the tracer has patched), and the reason as a sentence in *@why.
 */
int kprobe_check(u64 addr, struct insn *insn, const char **why);

#define KPROBE_TAKEN "There is a probe at this place already"

/*
 * Thread context. Registered is known and disarmed. As kprobe_check(); also -EBUSY when @p->addr is
 * probed already, and -ENOSPC when slots are out.
 */
int kprobe_register(struct kprobe *p, const char **why);
/* Disarms first. Afterwards no handler of it runs any more. */
void kprobe_unregister(struct kprobe *p);
/* Thread context. -EBUSY when the function tracer has meanwhile patched the place; -EAGAIN when it was busted. */
int kprobe_arm(struct kprobe *p);
void kprobe_disarm(struct kprobe *p);

/* What kprobes/unsafe opens: hidden C, but never .entry.text. */
extern bool kprobe_unsafe;

/* Thread context. How many more probes there are slots for. */
size_t kprobe_slots_free(void);

/* Calls @each for every registered probe, in no order. Thread context. */
void kprobe_for_each(void (*each)(void *arg, struct kprobe *p), void *arg);

/* From traps.c. True: it was ours, and *ret is what do_int3() must return. */
bool kprobe_int3(struct pt_regs *regs, u64 *ret);
bool kprobe_debug(struct pt_regs *regs, u64 dr6);
/*
 * A fault in a copy: gives the step up and moves regs->ip to the original, so that whoever handles
 * the fault sees it there. Always false: the fault itself is someone else's.
 */
bool kprobe_fault(struct pt_regs *regs);
