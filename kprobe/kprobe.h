/*
 * Probes: handlers for any instruction of visible text, and then the instruction itself, run in one of several ways.
 *
 * The state of a hit that comes by an int3:
 *   armed --int3--> pre handlers --> copy under TF --#DB----> fix-up --> post handlers --> after the instruction
 *                               |--> copy, int3 --int3------> fix-up --> post handlers ----^
 *                               |--> emulated ---------------------> post handlers --------^
 *                               \--> copy, jump back --------------------------------------^
 * One without, where a jump has taken the int3's place:
 *   jump --> registers saved --> pre handlers --> registers restored --> copies, jump back --> after them
 * A hit inside any of this (in a handler, in a fault of the copy) is executed the same way, on the
 * next place of a per-CPU stack of steps; only its handlers are left out, and counted in nmissed.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/insn/insn.h"
#include "context/trap.h"
#include "lib/types.h"

/* How the displaced instruction is run; the names that kprobes/technique takes are these, in small letters. */
enum kprobe_technique {
	KPROBE_AUTO,	/* the cheapest that applies */
	KPROBE_STEP,	/* its copy, single-stepped */
	KPROBE_INT3,	/* its copy, with an int3 behind it */
	KPROBE_EMULATE, /* what it does, done by hand */
	KPROBE_BOOST,	/* its copy, with a jump behind it: one trap less, and no post handlers */
	KPROBE_JUMP, /* a jump to a detour, which calls the handlers; until it is there, as boost, with an int3 */
	KPROBE_FTRACE, /* at a function's entry: by the call that the function tracer uses, without a trap */
	NR_TECHNIQUES
};

struct kprobe_site;

/* One user's handlers. Several may be at one place, and are called in the order they came. */
struct kprobe {
	u64 addr;
	/*
	 * Called as in a trap: preemption off, perhaps in an NMI, nothing that sleeps. @regs is what was interrupted and
	 * may be changed.
	 * pre: regs->ip is @addr. If it changes that, the probed context goes on there: the instruction isn't run, nor is
	 * anything else called.
	 * post: regs->ip is the next to run.
	 * KPROBE_FTRACE, KPROBE_JUMP: interrupts are as they were, so take no lock that they or the probed code may hold; regs->vector
	 * is VECTOR_NONE, and sp can't be changed, nor, by KPROBE_FTRACE, flags.
	 * fault: the instruction has faulted (regs->vector), regs->ip is @addr. True: it has dealt with that, as pre.
	 */
	void (*pre)(struct kprobe *p, struct pt_regs *regs);
	void (*post)(struct kprobe *p, struct pt_regs *regs);
	bool (*fault)(struct kprobe *p, struct pt_regs *regs);
	u64 hits, nmissed; /* handlers run; hits whose handlers were left out */

	struct kprobe *next; /* kprobe/'s own: at the same place */
	struct kprobe_site *site;
	enum kprobe_technique technique; /* asked for; KPROBE_AUTO: as the file kprobes/technique says */
	bool armed;			 /* kprobe/'s */
};

/* Boot, once: the first page of slots. */
void kprobe_init(void);
/* Boot, with threads and RCU: the thread that frees what nobody can be in any more. -ENOMEM. */
int kprobe_later_init(void);

/*
 * Thread context. May @addr be probed? 0 and the decoded instruction; or -EILSEQ (no instruction
 * starts there), -EINVAL (hidden, not text, or an instruction that can't run elsewhere), and the
 * reason as a sentence in *@why.
 */
int kprobe_check(u64 addr, struct insn *insn, const char **why);

/*
 * Thread context, as all that follows: any thread, at any time. Registered is known and disarmed. As kprobe_check(); also
 * -EINVAL when the technique asked for can't run this instruction, -EBUSY when another probe here asks for another, -ENOSPC when slots
 * are out, -ENOMEM.
 */
int kprobe_register(struct kprobe *p, const char **why);
/* Disarms first. Afterwards no handler of it runs any more. */
void kprobe_unregister(struct kprobe *p);
/* Thread context. What is armed is seen by all CPUs from now on, also where an emulator would have gone on without. */
void kprobe_seen(void);
/* -EBUSY when the function tracer has meanwhile patched the place; -EAGAIN when it was busted. */
int kprobe_arm(struct kprobe *p);
void kprobe_disarm(struct kprobe *p);

/* What kprobes/unsafe opens: hidden C, but never .entry.text. */
extern bool kprobe_unsafe;

/* Returns when the memory of all probes unregistered by now has been freed. */
void kprobe_flush(void);

/* Returns when of all armed by now those that can be jumps are. */
void kprobe_settle(void);
/* How many have become jumps since boot. */
extern u64 kprobe_jumps_made;

/* How many more probes there are slots for; those of places given up lately are waited for. */
size_t kprobe_slots_free(void);

/* Calls @each for every registered probe, in no order; it may not register or unregister. */
void kprobe_for_each(void (*each)(void *arg, struct kprobe *p), void *arg);
/* How a hit of @p runs its instruction now; KPROBE_JUMP also when that is asked for, and yet to come. */
enum kprobe_technique kprobe_technique_of(const struct kprobe *p);
extern const char *const kprobe_technique_names[NR_TECHNIQUES];

/* In a handler: the context word of what was probed. */
u32 kprobe_context(const struct pt_regs *regs);

#define KPROBE_BUCKETS 1024
extern struct kprobe_site *kprobe_table[KPROBE_BUCKETS];
/* By what an int3 at @addr leaves as ip. */
static __always_inline unsigned kprobe_bucket(u64 addr) { return (u32)(addr + 1) * 0x9e3779b1u >> 22; }

/* Any context. Is an int3 at @addr a probe's now? Ask when the byte has been read. */
bool kprobe_at(u64 addr);

/* From traps.c. True: it was ours. @head is the chain that it would be in. */
bool kprobe_int3(struct pt_regs *regs, struct kprobe_site *head);
bool kprobe_copy_done(struct pt_regs *regs);
static __always_inline bool kprobe_trap(struct pt_regs *regs)
{
	struct kprobe_site *head = READ_ONCE(kprobe_table[kprobe_bucket(regs->ip - 1)]);

	return unlikely(head != NULL) && kprobe_int3(regs, head);
}
bool kprobe_debug(struct pt_regs *regs, u64 dr6);
/*
 * The same before RCU is told: an int3 whose probes are left out, and the end of a step of such. True: it was one. Nothing
 * is called that a probe may be in, but with kprobes/unsafe these themselves.
 */
bool kprobe_without_effect(struct pt_regs *regs);
bool step_end_without_effect(struct pt_regs *regs);
/*
 * A fault in a copy: gives the step up and moves regs->ip to the original, so that whoever handles
 * the fault sees it there. True: a handler has dealt with it.
 */
bool kprobe_fault(struct pt_regs *regs);
