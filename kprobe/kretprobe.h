/*
 * Return probes: at a function's entry its return address is hooked (arch/x86/entry/graph.h), and a handler called when it returns.
 *
 * A call that has begun keeps its place on its thread's stack of returns, whatever becomes of the probe: what
 * it keeps of that is a struct kretprobe_calls, which outlives the probe and forgets it.
 */
#pragma once

#include "kprobe/kprobe.h"

struct kretprobe_calls;
struct kretprobe;

/* One call of a probed function; the handlers' only while they run, but for what is in data. */
struct kretprobe_instance {
	struct kretprobe *rp;
	u64 ret_addr; /* where it really returns to */
	u64 data;     /* the entry handler's, for the other */
};

struct kretprobe {
	struct kprobe kp; /* addr, technique; pre is kretprobe.c's. hits: entries, handled or missed below */
	/*
	 * Both as kprobe handlers: as in a trap, perhaps in an NMI.
	 * entry, if any: regs->ip is the function's address. False: this call isn't hooked, nor is that a miss.
	 * handler: regs->ip is ret_addr, regs->ax the result, all registers as at the return; what it makes of ax and dx
	 * is what the caller gets. kprobe_context(regs) is what the function returns in.
	 */
	bool (*entry)(struct kretprobe_instance *ri, struct pt_regs *regs);
	void (*handler)(struct kretprobe_instance *ri, struct pt_regs *regs);
	u32 maxactive; /* so many calls at once; 0 becomes Linux's max(10, 2 * CPUs) */
	/* Calls not hooked: maxactive were, or the thread's stack of returns is full (63) or isn't there; and returns inside a handler. */
	u64 nmissed;

	/* kretprobe.c's own. */
	struct kretprobe_calls *calls;
};

#define KRETPROBE_MAXACTIVE_MAX 4096 /* as on Linux */

/*
 * Thread context, as all here. As kprobe_register(); also -EINVAL when kp.addr isn't the entry of a function that can be traced (its
 * first instruction, or that behind its tracing site), -E2BIG: maxactive is too large, -ENOMEM.
 */
int kretprobe_register(struct kretprobe *rp, const char **why);
/* Disarms first. Afterwards no handler of it runs any more; calls that have begun return unnoticed, whenever they do. */
void kretprobe_unregister(struct kretprobe *rp);
/* As kprobe_arm(). */
int kretprobe_arm(struct kretprobe *rp);
/* Afterwards no handler of it runs, not for calls that have begun either. */
void kretprobe_disarm(struct kretprobe *rp);
