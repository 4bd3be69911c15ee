/* What the probe machinery's files share. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "context/trap.h"
#include "ftrace/ftrace.h"
#include "kprobe/kprobe.h"
#include "lib/compiler.h"
#include "sched/mutex.h"

/*
 * In pt_regs.vector, above what entry.asm looks at: all of the instruction has been done already, but for the push that
 * do_int3() may have to ask for. Who goes back to this trap's beginning must not do it again.
 */
#define VECTOR_DONE (1ul << 32)
static_assert(VECTOR_DONE != REGS_PUSH, "two marks");

enum emulation {
	EMULATE_NOTHING, /* it can't be emulated */
	EMULATE_NOP,
	EMULATE_CLI,
	EMULATE_STI,
	EMULATE_PUSHF,
	EMULATE_POPF,
	EMULATE_PUSH_REG,
	EMULATE_PUSH_IMM,
	EMULATE_POP_REG,
	EMULATE_CALL,
	EMULATE_CALL_REG,
	EMULATE_JMP,
	EMULATE_JMP_REG,
	EMULATE_JCC,
	EMULATE_LOOP,
	EMULATE_RET,
};

/* A place in text that has probes. Trap handlers read it; all is changed by single stores, under kprobe_mutex. */
struct kprobe_site {
	u64 addr;
	struct kprobe_site *next; /* in its hash chain */
	struct kprobe *probes;
	struct kprobe *only; /* the one that is armed, if it has a pre handler; NULL: look at all of them */
	u64 called;	     /* where the function tracer's call leads to for it; 0: there is none */
	u8 *trampolines;     /* fentry.c's */
	u8 *slot;	     /* the copies; NULL: it is emulated, and can't be but */
	u64 moved;	     /* how far the original lies behind the one that is stepped */
	u8 technique;	     /* enum kprobe_technique, never auto */
	u8 emulation;	     /* enum emulation */
	u8 fix;		     /* INSN_FIX_... */
	u8 length;
	u8 original;	 /* the first byte, while the int3 is in its place */
	bool entry;	 /* a function's tracing site */
	bool post;	 /* one of its probes has a handler for afterwards */
	bool rep;	 /* a step ends when ip has left the copy */
	bool armed;	 /* the int3 is in the text, or about to be */
	bool was_called; /* ... or did: who comes has preemption off, and interrupts perhaps on */
	bool busted;	 /* the last bust took it out */
	bool lingered;	 /* a thread may have been preempted in its copy: freed when each has run */
	struct insn insn;
	struct kprobe_site *freed; /* later.c's */
};

extern struct mutex kprobe_mutex;

/* Any context; the chains are only ever changed by single stores. */
static __always_inline struct kprobe_site *kprobe_find_in(struct kprobe_site *s, u64 addr)
{
	while (s && s->addr != addr)
		s = READ_ONCE(s->next);
	return s;
}
static __always_inline struct kprobe_site *kprobe_find(u64 addr)
{
	return kprobe_find_in(READ_ONCE(kprobe_table[kprobe_bucket(addr)]), addr);
}

/* kprobe.c. Under kprobe_mutex. The text as the site's probes and technique want it. -EBUSY */
int site_update(struct kprobe_site *s);
/* check.c. One instruction of at most @max bytes as it is without probes, and its bytes (INSN_MAX_LENGTH). As insn_decode(). */
int kprobe_decode(u64 addr, size_t max, u8 *bytes, struct insn *insn);
/* files.c. ".text", ...; NULL: no kernel text. */
const char *kprobe_section(u64 addr);
/* cost.c. Thread context: the ticks that a hit adds to a nop; or -errno and *@why. */
s64 kprobe_cost(enum kprobe_technique t, const char **why);
#define COST_RUNS 64 /* hits, of which the cheapest counts */

/* kprobe_context(). */
static __always_inline u32 probed_context(const struct pt_regs *regs)
{
	const struct trap_record *t = this_cpu(trap_top);

	return likely(t && t->regs == regs) ? t->before.context_word : context_read() - PREEMPT_ONE;
}

/* technique.c. Can @t run this site's instruction, with @post handlers or without? If not, why not. */
bool technique_applies(const struct kprobe_site *s, enum kprobe_technique t, bool post, const char **why);
/* What the site's probes, and @more besides them unless it is NULL, ask for. -EINVAL or -EBUSY and *@why. */
int technique_choose(const struct kprobe_site *s, const struct kprobe *more, enum kprobe_technique *t,
		     const char **why);
/* Gives the site that technique. Its text follows by site_update(). */
void technique_set(struct kprobe_site *s, enum kprobe_technique t);

/*
 * slot.c: out-of-line copies. A slot has two: one with a jump back behind it, and one with int3s.
 */
#define SLOT_SIZE 64
#define SLOT_STEP 32 /* where the second is */
#define MAX_SLOTS 32768ul
void slot_init(void);
/* 0, or -ENOSPC, -ENOMEM. For @s->insn. */
int slot_alloc(struct kprobe_site *s, const char **why);
void slot_free(u8 *slot);
static __always_inline bool in_slots(u64 ip) { return ip - SLOT_AREA < MAX_SLOTS * SLOT_SIZE; }
/* Any context. Whose slot @ip lies in. */
struct kprobe_site *slot_owner(u64 ip);
static __always_inline u8 *step_copy(const struct kprobe_site *s) { return s->slot + SLOT_STEP; }

/* emulate.c */
enum emulation emulate_choose(const struct insn *insn);
/* Does at @regs what the instruction at @s would do. */
void emulate(const struct kprobe_site *s, struct pt_regs *regs);

/* fentry.c. Has the function tracer's call lead to this place, or no more. @only: as the site's will be. -EBUSY: there is an int3. */
int site_call(struct kprobe_site *s, bool on, const struct kprobe *only);
/* Nobody is in the place's own trampolines any more. */
void trampolines_give_back(struct kprobe_site *s);
void trampolines_init(void);
/* kretprobe.c. A probe's pre that needs no registers where it is called by the other: as ftrace_func_t, but for the site. */
void kretprobe_at_entry(struct kprobe *p, struct pt_regs *regs);
void kretprobe_called(u64 ip, u64 parent_ip, struct ftrace_ops *site, struct ftrace_frame *frame);

/* later.c */
void later_init(void);
/* Frees the site when no thread can be in its copy any more. */
void site_free_later(struct kprobe_site *s);

/*
 * Steps nest when a copy faults, when an NMI comes between int3 and #DB, or when #DB's own handler
 * hits a probe. Each level costs at least a trap frame, so the stacks end before this does.
 */
#define MAX_STEPS ((TASK_STACK_SIZE + 2 * IST_STACK_SIZE) / TRAP_FRAME_SIZE)

struct step {
	union {
		struct step_end end;
		struct {
			u64 at, to; /* entry.asm's, as in struct step_end */
			u16 flip;   /* TF and IF, where they were otherwise */
			bool handled; /* pre has run, so post will; otherwise both are left out, and counted once */
			u32 vector_depth; /* of the int3 that began it, and so of the trap that will end it */
		};
	};
	struct kprobe_site *s;
};
static_assert(sizeof(struct step) == 1 << STEP_SHIFT, "entry.asm shifts by it");
DECLARE_PER_CPU(struct step, steps[MAX_STEPS]);

/* event.c. A handler like the probes' own, called as they are, by a pointer: the event of a hit without them. */
extern void (*kprobe_missed_handler)(u64 addr);

/* step.c. Ends the innermost step after its copy ran: flags and ip as if the original had. */
struct kprobe_site *step_finish(struct pt_regs *regs);
