/* What the probe machinery's files share. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/detour.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "ftrace/ftrace.h"
#include "kprobe/emulate.h"
#include "kprobe/kprobe.h"
#include "lib/compiler.h"
#include "sched/mutex.h"

/*
 * In pt_regs.vector, above what entry.asm looks at: all of the instruction has been done already, but for the push that
 * do_int3() may have to ask for. Who goes back to this trap's beginning must not do it again.
 */
#define VECTOR_DONE (1ul << 32)
static_assert(VECTOR_DONE != REGS_PUSH, "two marks");

/*
 * A branch to where memory says: the copy that is stepped pushes that, so that it ends like others, behind itself; where it goes,
 * and the return address, are then a matter of fix-up.
 */
#define FIX_PUSHED 0x80
static_assert(!((INSN_FIX_IP | INSN_FIX_RETURN) & FIX_PUSHED), "three bits");

/* No branch leads anywhere else; the CPU has its own way to say so (docs/TRICKS.md, "A branch to nowhere"). */
static __always_inline bool canonical(u64 addr) { return (s64)(addr << 16) >> 16 == (s64)addr; }

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
	u8 fix;		     /* INSN_FIX_..., FIX_PUSHED */
	u8 length;
	u8 original;	 /* the first byte, while the int3 is in its place */
	bool entry;	 /* a function's tracing site */
	bool post;	 /* one of its probes has a handler for afterwards */
	bool rep;	 /* a step ends when ip has left the copy */
	bool armed;	 /* the int3 is in the text, or about to be */
	bool was_called; /* by the tracer, or from a detour, now or before: who comes so has preemption off, and interrupts perhaps on */
	bool busted;	 /* a bust took it out, and it hasn't been armed since */
	bool fresh;	 /* refresh.c's: an emulator may not have seen it yet */
	bool lingered;	 /* a thread may have been preempted in its copy: freed when each has run */
	struct insn insn;
	struct kprobe_site *freed; /* later.c's */

	u64 boosted;	       /* where the copy with a jump behind it is: the slot's, or the detour's */
	u8 chosen;	       /* what technique.c has found: auto's way by an int3, or what is asked for */
	u8 jump;	       /* enum jump_state */
	bool may_jump;	       /* nothing asked for speaks against a detour */
	bool no_detour;	       /* the proofs have failed, and nothing has changed since */
	u8 displaced;	       /* by the jump, in bytes; the last instruction may end behind it */
	u8 bytes[SITE_SIZE];   /* what the jump lies over */
	u8 *detour;	       /* NULL: there was never one */
	struct kprobe **probe; /* whom the detour calls: only, or if that is NULL ... */
	struct kprobe several; /* ... this, whose handler calls as many as are armed */
};

/* Steps of a jump's coming, in order. */
enum jump_state {
	JUMP_NONE,
	JUMP_READY, /* the detour is there; who comes by the int3 runs its copies, so nobody enters the other four bytes */
	JUMP_IN, /* the jump is in the text, or being put there or taken out */
};

extern struct mutex kprobe_mutex;
/* There is or was a place that is hit by a call or from a detour. */
extern bool kprobe_calls;

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

/* The one that is armed. NULL also when there's a post handler: that is looked for among all. */
static __always_inline struct kprobe *only_armed(const struct kprobe_site *s)
{
	struct kprobe *only = NULL;

	for (struct kprobe *p = READ_ONCE(s->probes); p; p = READ_ONCE(p->next)) {
		if (p->armed && only)
			return NULL;
		if (p->armed)
			only = p;
	}
	return only && only->pre && !only->post ? only : NULL;
}

/* Whom a hit calls, by whatever way it comes. */
static __always_inline void only_store(struct kprobe_site *s, struct kprobe *only)
{
	WRITE_ONCE(s->only, only);
	if (s->probe)
		WRITE_ONCE(*s->probe, only ?: &s->several);
}
/* kprobe.c. Under kprobe_mutex. That, as the site's probes are now. */
void only_update(struct kprobe_site *s);
/* Under kprobe_mutex. The text as the site's probes and technique want it. -EBUSY */
int site_update(struct kprobe_site *s);
/* check.c. One instruction of at most @max bytes as it is without probes, and its bytes (INSN_MAX_LENGTH). As insn_decode(). */
int kprobe_decode(u64 addr, size_t max, u8 *bytes, struct insn *insn);
/* watchpoint.c. Under kprobe_mutex. Is execution watched at one of these addresses? */
bool watchpoint_executes(u64 addr, size_t n);
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
struct choice {
	enum kprobe_technique technique; /* never auto */
	bool may_jump;
};
/* What the site's probes, and @more besides them unless it is NULL, ask for. -EINVAL or -EBUSY and *@why. */
int technique_choose(const struct kprobe_site *s, const struct kprobe *more, struct choice *c,
		     const char **why);
/* Gives the site that technique. Its text follows by site_update(). */
void technique_set(struct kprobe_site *s, const struct choice *c);
/* The same for one that others know, and its text at once. -EBUSY: the function tracer has patched it; then all is as it was. */
int technique_change(struct kprobe_site *s, const struct choice *c);
/* How an int3's hit runs the instruction from now on: by itself, or with the others in the detour. */
void technique_trap(struct kprobe_site *s);

/* optimize_check.c. Why a jump can't be there, or NULL, and how many bytes of whole instructions it displaces. */
const char *jump_refused(u64 addr, u8 *displaced);
/* Under kprobe_mutex. Looks at all text for branches; jump_refused() does when it is first asked, and once is enough. */
void jump_look_at_all(void);
/* Boot: room for what it must know of all text. */
void jump_check_init(void);

/* detour.c. For a place that jump_refused() has nothing against. 0, -ENOSPC, -ENOMEM. */
int detour_make(struct kprobe_site *s);
void detour_free(struct kprobe_site *s);
/* Any context. The site whose detour's displaced instructions @ip is among, and where that one is at home; or NULL. */
struct kprobe_site *detour_copy_at(u64 ip, u64 *original);

/*
 * optimize.c: int3s that become jumps. Under kprobe_mutex, but where it says otherwise.
 */
void optimize_init(void);
/* The site wants its jump, by and by. */
void optimize_want(struct kprobe_site *s);
/* An int3 is there instead when it returns, if one is wanted at all. */
void unoptimize(struct kprobe_site *s);
/* The same for whoever has one over @addr. */
void unoptimize_over(u64 addr);
/* What was said against one over @addr may hold no more. */
void optimize_again_over(u64 addr);
/* Any context. Where who is sent to @ip must go: not into a jump's bytes, be it there or coming, but to the copies of them. */
u64 jump_landing(u64 ip);
/* The jumping place, if any, whose jump lies over @addr or begins there. */
const struct kprobe_site *jump_over(u64 addr);
/* Any context. Has a thread take out what a bust has left of jumps. */
void optimize_busted(void);
extern bool jumps_left; /* it has left some */
/* later.c's thread, without the mutex. When the wait for more is over (ns); ~0: nobody is waiting. */
u64 optimize_at(void);
/* Around one synchronize_rcu_tasks(). False: there is nothing to finish. */
bool optimize_begin(void);
void optimize_finish(void);

/*
 * slot.c: out-of-line copies. A slot has two: one with a jump back behind it, and one with int3s.
 */
#define SLOT_SIZE 64
#define SLOT_STEP 32 /* where the second is */
#define MAX_SLOTS 32768ul
struct slot_page {
	u64 used;
	struct kprobe_site **owners;
};
struct slots {
	u64 area;
	size_t size, max, nr; /* bytes a slot; pages at most, and now */
	struct slot_page *pages;
};
extern struct slots detours;
/* Under kprobe_mutex. NULL and *@err: -ENOSPC, -ENOMEM. */
u8 *slots_take(struct slots *k, struct kprobe_site *s, int *err);
/* Any thread. */
void slots_give(struct slots *k, u8 *slot);
/* Any context. */
struct kprobe_site *slots_owner(const struct slots *k, u64 ip);
void slot_init(void);
/* 0, or -ENOSPC, -ENOMEM. For @s->insn; its fix-up, too. */
int slot_alloc(struct kprobe_site *s, const char **why);
void slot_free(u8 *slot);
static __always_inline bool in_slots(u64 ip) { return ip - SLOT_AREA < MAX_SLOTS * SLOT_SIZE; }
/* Any context. Whose slot @ip lies in. */
struct kprobe_site *slot_owner(u64 ip);
/* The other one runs as it is: for who finds out too late that it will fault. It is in no step, and a thread may stay there. */
static __always_inline void leave_it_to_copy(struct kprobe_site *s, struct pt_regs *regs)
{
	s->lingered = true;
	regs->ip = (u64)s->slot;
}
static __always_inline u8 *step_copy(const struct kprobe_site *s) { return s->slot + SLOT_STEP; }

/* Does at @regs what the instruction at @s would do; or goes to its copy, which will fault. */
void emulate(struct kprobe_site *s, struct pt_regs *regs);

/* fentry.c. Has the function tracer's call lead to this place, or no more. @only: as the site's will be. -EBUSY: there is an int3. */
int site_call(struct kprobe_site *s, bool on, const struct kprobe *only);
/* Nobody is in the place's own trampolines any more. */
void trampolines_give_back(struct kprobe_site *s);
void trampolines_init(void);
/* kretprobe.c. A probe's pre that needs no registers where it is called by the other: as ftrace_func_t, but for the site. */
void kretprobe_at_entry(struct kprobe *p, struct pt_regs *regs);
void kretprobe_called(u64 ip, u64 parent_ip, struct ftrace_ops *site, struct ftrace_frame *frame);

/* refresh.c. Under kprobe_mutex. The int3 has just been written; an emulator is to see it, by and by. */
void refresh_init(void);
void refresh_want(struct kprobe_site *s);

/* later.c */
void later_init(void);
/* There is something to optimize. False: the thread isn't there yet. */
bool later_wake(void);
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

static __always_inline bool on_nmi_stack(u64 addr) { return (u64)this_cpu(nmi_top) - addr < IST_STACK_SIZE; }

/*
 * For an emergency that goes back to @at on this stack. What was called since will never return. Its return addresses lie on the same
 * stack below that, or on one that was entered later: and once an NMI is being handled, there is none but its own.
 */
static __always_inline void calls_cut(u64 at)
{
	struct graph_stack *g = this_cpu(graph_here);
	const struct kstack *stack = stack_of(at);
	bool others = !on_nmi_stack(at);
	struct graph_entry *e = g->top;

	while (e->slot && (stack_of((u64)e->slot) == stack ? (u64)e->slot < at : others))
		e--;
	graph_cut(g, e);
}

/* Everything as it was then, but the counter: it may only grow, and its parity is what says "watching". */
static __always_inline void accounts_restore(const struct cpu_accounts *a)
{
	this_cpu(context_word) = a->context_word;
	this_cpu(guard_bits) = a->guard_bits;
	*this_cpu(ring_nests[0]) = a->ring_nest[0].n;
	*this_cpu(ring_nests[1]) = a->ring_nest[1].n;
	this_cpu(bb_depth) = a->bb_depth;
	rcu_trace_undo(a->rcu_trace_reader);
	if ((this_cpu(watch).counter ^ a->watch.counter) & 1)
		this_cpu(watch).counter++;
	this_cpu(watch).nesting = a->watch.nesting;
	this_cpu(watch).nmi_nesting = a->watch.nmi_nesting;
}

/* event.c. A handler like the probes' own, called as they are, by a pointer: the event of a hit without them. */
extern void (*kprobe_missed_handler)(u64 addr);

/* step.c. Ends the innermost step after its copy ran: flags and ip as if the original had. */
struct kprobe_site *step_finish(struct pt_regs *regs);
