/* The emergency: out of a probe that hits itself, from the handler of the overflowed stack. */
#include "kprobe/bust.h"

#include "abi/errno.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "kprobe/internal.h"
#include "lib/ctl.h"
#include "lib/printk.h"
#include "trace/black_box.h"

/* More frames than all stacks together can hold: a spoiled chain ends here. */
#define MAX_FRAMES 4096

/* A probe hit once inside its own handling may yet be harmless; the stack's end and this together are not. */
#define RECURSION_MIN 2

/* How many traps from the innermost on are tried as the one that repeats: a round may consist of several. */
#define MAX_ROUND 8

/* One trap of those that are on the stacks now, and the CPU as it was when it came. */
struct frame {
	struct pt_regs *regs;
	u64 ip, flags; /* as at its entry */
	struct trap_record *outer;
	struct cpu_accounts before;
};

/*
 * The walk goes by frame pointers: each stub leaves rbp = its pt_regs | 1. Trap records alone
 * wouldn't do: a probe in the first instructions of do_int3() is hit before there is one.
 */
struct walk {
	u64 bp;
	unsigned frames;
	struct frame f;
};

struct bust_info {
	u64 addr;	/* the probe the recursion turned on */
	unsigned depth; /* traps in it */
	u64 stack;	/* bytes of stack they took */
	unsigned disarmed;
};

/* What the last one on this CPU did: others may be at it at the same time. */
static DEFINE_PER_CPU(struct bust_info, bust_last);
u64 bust_count;
bool bust_enabled = true;

static __always_inline void walk_start(struct walk *w, const struct pt_regs *regs)
{
	w->bp = regs->bp;
	w->frames = 0;
	w->f.outer = this_cpu(trap_top);
	accounts_save(&w->f.before);
}

static __always_inline struct pt_regs *next_regs(struct walk *w)
{
	while (w->frames++ < MAX_FRAMES) {
		struct pt_regs *regs = (struct pt_regs *)(w->bp & ~1ul);

		if (w->bp & 7 & ~1ul || !stack_of((u64)regs))
			return NULL;
		if (!(w->bp & 1)) {
			w->bp = *(u64 *)w->bp;
			continue;
		}
		w->bp = regs->bp;
		if (user_mode(regs)) /* no recursion of the kernel's, and its bp leads anywhere */
			return NULL;
		/* What a tracer's call has saved is no trap's, so it counted nothing. */
		if (regs->vector != VECTOR_NONE)
			return regs;
	}
	return NULL;
}

/*
 * The next trap outwards. One that has a record has said what was before it. One that has none
 * (not yet, or no longer) has changed nothing yet, or has put it back: what was before it is what
 * was before the next one inwards, or what is now.
 */
static __always_inline bool walk_next(struct walk *w)
{
	struct trap_record *t = w->f.outer;
	struct pt_regs *regs = next_regs(w);

	if (!regs)
		return false;
	w->f.regs = regs;
	w->f.ip = regs->ip;
	w->f.flags = regs->flags;
	if (t && stack_of((u64)t) && t->regs == regs) {
		w->f.ip = t->ip;
		w->f.flags = t->flags;
		w->f.outer = t->outer;
		/* Its depth, too: not all that lies further in is found by this walk. */
		w->f.before = t->before;
	} else {
		w->f.before.bb_depth--;
	}
	return true;
}

static __always_inline u32 vector_of(const struct frame *f) { return (u32)f->regs->vector; }

static __always_inline bool is_probe_trap(const struct frame *f)
{
	return vector_of(f) == X86_TRAP_BP || vector_of(f) == X86_TRAP_DB;
}

/* The outermost trap of the same vector and place as the @nth from inside; how many there are. */
static __always_inline unsigned find_first(const struct pt_regs *regs, unsigned nth, struct frame *first)
{
	struct walk w;
	u64 vector, ip;
	unsigned n = 0;

	walk_start(&w, regs);
	do {
		if (!walk_next(&w))
			return 0;
	} while (n++ < nth);
	if (!is_probe_trap(&w.f))
		return 0;
	vector = vector_of(&w.f);
	ip = w.f.ip;
	n = 0;
	do {
		if (vector_of(&w.f) == vector && w.f.ip == ip) {
			*first = w.f;
			n++;
		}
	} while (walk_next(&w));
	return n;
}

static __always_inline unsigned find_recursion(const struct pt_regs *regs, struct frame *first)
{
	for (unsigned nth = 0; nth < MAX_ROUND; nth++) {
		unsigned depth = find_first(regs, nth, first);

		if (depth >= RECURSION_MIN)
			return depth;
	}
	return 0;
}

/*
 * The same bytes once more, for who wants to see the tables meanwhile: now there is no probe left for him to hit. Where an earlier bust was,
 * a tracer may have come since.
 */
static __emergency void show_pokes(void)
{
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next)
			if (s->busted && *(volatile u8 *)s->addr == s->original)
				text_poke_emergency_observed((void *)s->addr, s->original);
}

/* A thread sees them as disarmed probes later. How many. */
static __always_inline unsigned disarm_probes(struct kprobe_site *s)
{
	unsigned n = 0;

	only_store(s, NULL);
	for (struct kprobe *p = s->probes; p; p = p->next) {
		if (!p->armed) /* be it that another CPU has busted it just now */
			continue;
		p->armed = false;
		n++;
	}
	return n;
}

/*
 * A jump stays, as a detour that calls nobody, and the int3s of its coming and going stay probes' without handlers: a thread
 * takes all that out later. The other side of this is announce().
 */
static __always_inline bool leave_jump(struct kprobe_site *s)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(s->jump) != JUMP_IN)
		return false;
	s->busted = false;
	WRITE_ONCE(jumps_left, true);
	return true;
}

/* First bytes only. */
__emergency unsigned bust_disarm_all(void)
{
	unsigned n = 0;

	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next) {
			n += disarm_probes(s);
			__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the other side of this is site_update() */
			if (!READ_ONCE(s->armed))
				continue;
			WRITE_ONCE(s->busted, true);
			if (leave_jump(s))
				continue;
			text_poke_emergency((void *)s->addr, s->original);
			s->armed = false;
		}
	if (unlikely(text_poke_observer))
		show_pokes();
	return n;
}

/*
 * Is this an int3 whose instruction hasn't been dealt with? If not, do_int3() was on its way out: the
 * registers are what it returns with, and a step may have begun. The vector has no mark then.
 */
static __always_inline bool int3_pending(const struct frame *f)
{
	return f->regs->vector == X86_TRAP_BP && kprobe_find(f->ip - 1);
}

/*
 * Steps outlive the int3s that begin them, so no trap's record tells how many there were: those
 * begun deeper than the frame we go back to are given up.
 */
static __always_inline u32 steps_before(const struct frame *f)
{
	u32 depth = this_cpu(step_depth), limit = f->before.bb_depth;

	if (int3_pending(f))
		limit--;
	while (depth && this_cpu_at(steps, depth - 1).vector_depth > limit)
		depth--;
	return depth;
}

/* Is the innermost step left the one that this #DB or int3 ended? If not, its handler has finished it. */
static __always_inline bool step_pending(const struct frame *f)
{
	u32 depth = this_cpu(step_depth);

	if (vector_of(f) != X86_TRAP_DB && !in_slots(f->ip - 1))
		return false;
	return depth && this_cpu_at(steps, depth - 1).vector_depth == f->before.bb_depth;
}

/* Word by word: for a structure the compiler would call memcpy, which may be probed. */
static __always_inline void copy_regs(struct pt_regs *to, const struct pt_regs *from)
{
	for (unsigned i = 0; i < sizeof(*to) / 8; i++)
		((volatile u64 *)to)[i] = ((const volatile u64 *)from)[i];
}

__emergency bool bust_kprobes(struct pt_regs *regs)
{
	u64 vector = regs->vector, sp = regs->sp;
	struct frame first = { 0 };
	unsigned depth = find_recursion(regs, &first);
	bool in_nmi;

	if (!depth || !bust_enabled)
		return false;
	this_cpu(bust_last).depth = depth;
	this_cpu(bust_last).stack = (u64)first.regs + sizeof(*regs) - sp;
	__atomic_fetch_add(&bust_count, 1, __ATOMIC_RELAXED);
	this_cpu(bust_last).disarmed = bust_disarm_all();

	/* All int3s are gone, but an emulator may go on hitting one that it has translated (docs/TRICKS.md, "An int3 that isn't there"). */
	if (vector_of(&first) == X86_TRAP_BP)
		text_refresh((void *)(first.ip - 1));

	copy_regs(regs, first.regs);
	this_cpu(trap_top) = first.outer;
	this_cpu(step_depth) = steps_before(&first);
	calls_cut((u64)first.regs);
	accounts_restore(&first.before);
	if (int3_pending(&first)) {
		regs->ip = first.ip - 1; /* its own byte is back: run it */
		regs->flags = first.flags;
	} else if (step_pending(&first)) {
		/* The copy has run: only the fix-up is left, and no probe that this call could hit. */
		regs->ip = first.ip;
		regs->flags = first.flags;
		step_finish(regs);
	} else if (first.regs->vector & REGS_PUSH) {
		/* The stub's part. What lies there is frames that are given up; ours has been copied. */
		regs->sp -= 8;
		*(u64 *)regs->sp = regs->error;
	}
	this_cpu(bust_last).addr = regs->ip;
	regs->vector = vector;
	/*
	 * An NMI among the frames given up would have ended itself, and given #DB its own stack back. One that goes
	 * on has the first trap's frame on its stack; the context word may not say so yet.
	 */
	in_nmi = on_nmi_stack((u64)first.regs);
	this_cpu(nmi_top)->nmi_running = in_nmi;
	ist_debug_swap(in_nmi ? this_cpu(debug_stack_in_nmi) : this_cpu(debug_stack));
	black_box_note((u16)vector, BB_RESUME, regs->ip, (u64)regs, first.before.bb_depth);
	return true;
}

void bust_report(void)
{
	const struct bust_info *b = this_cpu_ptr(bust_last);

	optimize_busted();
	printk("bust_kprobes: %u traps inside each other at %pS, over %lu bytes of stack; %u probe(s) disarmed, resuming\n",
	       b->depth, (void *)b->addr, b->stack, b->disarmed);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", bust_enabled);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	bust_enabled = v;
	return 0;
}
CTL_FILE(ctl_test_bust, .path = "test/bust", .show = show, .store = store, .test_only = true);
