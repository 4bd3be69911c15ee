/* Return probes: a kprobe at the entry hooks the return, on the thread's stack of returns; what that leads to calls the handler. */
#include "kprobe/kretprobe.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/graph.h"
#include "kprobe/handlers.h"
#include "lib/symtab.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "trace/guard.h"

struct kretprobe_calls {
	u32 open; /* graph_entry.open points here */
	u32 max;
	struct kretprobe *rp; /* NULL: it is unregistered, or disarmed */
	struct kretprobe_calls *next;
};

static struct kretprobe_calls
	*forgotten; /* by their probes; those without open calls can go. Under kprobe_mutex */

static noinline notrace void miss(struct kretprobe *rp)
{
	__atomic_fetch_add(&rp->nmissed, 1, __ATOMIC_RELAXED);
}

static noinline notrace void too_many(struct kretprobe *rp)
{
	__atomic_fetch_sub(&rp->calls->open, 1, __ATOMIC_RELAXED);
	miss(rp);
}

/* notrace, as all from the trap to here: a hook of its own, returning before the probed function, would throw this one's away. */
static __always_inline void hook(struct kretprobe *rp, u64 *slot, u64 data)
{
	struct kretprobe_calls *c = rp->calls;
	struct graph_stack *g = this_cpu(graph_here);
	struct graph_entry *top = g->top, *e;

	if (unlikely(top >= g->last)) {
		miss(rp);
		return;
	}
	if (unlikely(__atomic_fetch_add(&c->open, 1, __ATOMIC_RELAXED) >= c->max)) {
		too_many(rp);
		return;
	}
	e = graph_claim(g, top, top->state);
	e->ret = *slot;
	e->slot = slot;
	e->open = &c->open;
	e->data = data;
	barrier();
	WRITE_ONCE(e->exit, GRAPH_PROBED);
	WRITE_ONCE(*slot, (u64)return_to_probe);
}

notrace void kretprobe_at_entry(struct kprobe *p, struct pt_regs *regs)
{
	hook(container_of(p, struct kretprobe, kp), (u64 *)regs->sp, 0);
}

static __always_inline void hit(struct kprobe *p, u64 *slot)
{
	__atomic_fetch_add(&p->hits, 1, __ATOMIC_RELAXED);
	hook(container_of(p, struct kretprobe, kp), slot, 0);
}

/* In an interrupt or a trap, or when it isn't to be hooked. */
static noinline notrace void called_elsewhere(struct kprobe_site *s, u64 *slot)
{
	struct kprobe *p = only_armed(s);
	u32 word = context_read() - PREEMPT_ONE, guard;

	guard = guard_by_other_policy() ? policy_enter(GUARD_KPROBE, word)
					: guard_enter_call(GUARD_KPROBE, word);
	if (guard) {
		guard_leave(guard);
		if (p && p->pre == kretprobe_at_entry) {
			hit(p, slot);
			return;
		}
	}
	missed(s);
}

/*
 * The same by the function tracer's call, without registers. It calls nobody, so it takes no guard: it looks whether one is
 * taken.
 */
notrace void kretprobe_called(u64 ip, u64 parent_ip, struct ftrace_ops *site, struct ftrace_frame *frame)
{
	struct kprobe_site *s = (struct kprobe_site *)site;
	struct kprobe *p;

	preempt_disable();
	p = READ_ONCE(s->only);
	if (likely(p && p->pre == kretprobe_at_entry && !(context_read() & NOT_THREAD) &&
		   !guard_taken(GUARD_BIT(GUARD_KPROBE, GUARD_TASK))))
		hit(p, &frame->parent);
	else
		called_elsewhere(s, &frame->parent);
	preempt_enable();
}

/* What it calls is visible code, and comes back before anything is hooked. */
static notrace void at_entry_called(struct kprobe *p, struct pt_regs *regs)
{
	struct kretprobe *rp = container_of(p, struct kretprobe, kp);
	struct kretprobe_instance ri = { .rp = rp, .ret_addr = graph_original((u64 *)regs->sp) };

	if (rp->entry(&ri, regs))
		hook(rp, (u64 *)regs->sp, ri.data);
}

/*
 * An int3 in the handler is one inside a probe's handling, and so is a tracer's call of a probe: where those hits would be
 * handled, both guards are taken.
 */
static __always_inline void call_handler(struct kretprobe *rp, struct graph_entry *e, struct pt_regs *regs,
					 enum guard_context context, enum guard_context in_traps)
{
	u32 guards = GUARD_BIT(GUARD_KPROBE, context) | GUARD_BIT(GUARD_KPROBE, in_traps);
	struct kretprobe_instance ri = { .rp = rp, .ret_addr = regs->ip, .data = e->data };

	if (unlikely(this_cpu(guard_bits) & guards)) {
		this_cpu_at(guard_dropped, GUARD_KPROBE)++;
		miss(rp);
		return;
	}
	guard_set(guards);
	rp->handler(&ri, regs);
	guard_leave(guards);
}

static notrace void call_guarded(struct kretprobe *rp, struct graph_entry *e, struct pt_regs *regs, u64 none)
{
	struct kretprobe_instance ri = { .rp = rp, .ret_addr = regs->ip, .data = e->data };

	rp->handler(&ri, regs);
}

static noinline notrace void call_handler_by_policy(struct kretprobe *rp, struct graph_entry *e,
						    struct pt_regs *regs)
{
	if (!policy_call(GUARD_KPROBE, context_read() - PREEMPT_ONE, (guarded_fn)(void *)call_guarded,
			 (u64)rp, (u64)e, (u64)regs, 0))
		miss(rp);
}

static noinline notrace void call_handler_elsewhere(struct kretprobe *rp, struct graph_entry *e,
						    struct pt_regs *regs)
{
	enum guard_context context = guard_context(context_read());

	call_handler(rp, e, regs, context, context == GUARD_NMI ? GUARD_NMI : GUARD_TRAP);
}

/*
 * Where return_to_probe has saved the registers; interrupts off. So who has asked all CPUs, after taking the
 * probe's name away, knows that no handler of it runs. The last access to its calls is the one that uncounts this.
 */
void kretprobe_return(struct return_regs *frame);
notrace void kretprobe_return(struct return_regs *frame)
{
	struct pt_regs *regs = &frame->regs;
	struct graph_stack *g = this_cpu(graph_here);
	struct graph_entry *e = g->top;
	struct kretprobe *rp;

	preempt_disable();
	if (unlikely(e->slot != &frame->slot))
		e = graph_skip_stale(g, &frame->slot);
	regs->ip = likely(!is_hooked(e->ret)) ? e->ret : graph_original(e->slot);
	regs->sp += RETURN_REGS_SP;
	rp = READ_ONCE(container_of(e->open, struct kretprobe_calls, open)->rp);
	if (unlikely(!rp))
		; /* unregistered or disarmed meanwhile */
	else if (guard_by_other_policy())
		call_handler_by_policy(rp, e, regs);
	else if (likely(!(context_read() & ~(PREEMPT_MASK | CONTEXT_NO_RESCHED))))
		call_handler(rp, e, regs, GUARD_TASK, GUARD_TRAP);
	else
		call_handler_elsewhere(rp, e, regs);
	WRITE_ONCE(frame->slot, e->ret); /* one that was hooked before returns once more */
	WRITE_ONCE(e->exit, NULL);
	__atomic_fetch_sub(e->open, 1, __ATOMIC_RELEASE);
	graph_pop(e);
	raw_local_irq_restore(regs->flags);
	preempt_enable();
}

/* May return probes hook what @site is the entry of? NULL: what has none may be what hooks returns (docs/TRICKS.md). */
static int check_traced(u64 addr, const struct ftrace_site *site, const char **why)
{
	struct insn insn;
	int err = site ? 0 : kprobe_check(addr, &insn, why);

	if (site || err)
		return err;
	*why = "Return probe is at a function that isn't traced: it may be what hooks returns";
	return -EINVAL;
}

/* There the stack pointer is at the return address: before the tracing site, and behind it. */
static int check_entry(u64 addr, const char **why)
{
	const struct ftrace_site *site;
	struct symbol sym;

	*why = "Return probe is not at a function's entry";
	if (!symtab_find(&kernel_symtab, addr, &sym))
		return -EINVAL;
	site = ftrace_site_at(sym.start);
	if (addr != sym.start && (!site || addr != sym.start + SITE_SIZE))
		return -EINVAL;
	return check_traced(addr, site, why);
}

static void free_forgotten(void)
{
	struct kretprobe_calls **link = &forgotten, *c;

	while ((c = *link))
		if (__atomic_load_n(&c->open, __ATOMIC_ACQUIRE)) {
			link = &c->next;
		} else {
			*link = c->next;
			kfree(c);
		}
}

/* The place has been taken, and nobody has hooked anything for it; or nobody will any more. */
static void forget(struct kretprobe_calls *c)
{
	graph_threads_done();
	mutex_lock(&kprobe_mutex);
	c->next = forgotten;
	forgotten = c;
	free_forgotten();
	mutex_unlock(&kprobe_mutex);
}

int kretprobe_register(struct kretprobe *rp, const char **why)
{
	int err = check_entry(rp->kp.addr, why);

	if (err)
		return err;
	*why = "maxactive is too large";
	if (rp->maxactive > KRETPROBE_MAXACTIVE_MAX)
		return -E2BIG;
	if (!rp->maxactive)
		rp->maxactive = max(10u, 2 * nr_cpus_up());
	*why = "No memory for another return probe";
	rp->calls = kzalloc(sizeof(*rp->calls));
	if (!rp->calls)
		return -ENOMEM;
	err = graph_threads_want();
	if (err) {
		kfree(rp->calls);
		return err;
	}
	rp->calls->max = rp->maxactive;
	rp->nmissed = 0;
	rp->kp.pre = rp->entry ? at_entry_called : kretprobe_at_entry;
	rp->kp.post = NULL;
	rp->kp.fault = NULL;
	err = kprobe_register(&rp->kp, why);
	if (err)
		forget(rp->calls);
	return err;
}

/* Its name first: the first call may return before the last CPU has answered. */
int kretprobe_arm(struct kretprobe *rp)
{
	int err;

	WRITE_ONCE(rp->calls->rp, rp);
	err = kprobe_arm(&rp->kp);
	if (err)
		WRITE_ONCE(rp->calls->rp, NULL);
	return err;
}

/* Handlers of returns, and of entries that come by an int3, have interrupts off; of those that come by a call, preemption. */
void kretprobe_disarm(struct kretprobe *rp)
{
	kprobe_disarm(&rp->kp);
	WRITE_ONCE(rp->calls->rp, NULL);
	smp_serialize_others();
	if (rp->kp.site->was_called)
		synchronize_rcu_expedited();
}

void kretprobe_unregister(struct kretprobe *rp)
{
	kretprobe_disarm(rp);
	kprobe_unregister(&rp->kp);
	forget(rp->calls);
}
