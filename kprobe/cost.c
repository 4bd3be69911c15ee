/* What a hit costs, measured when asked: a function with a nop in it, called with a probe on the nop (or its entry) and without. */
#include "arch/x86/cpu/regs.h"
#include "kprobe/internal.h"

/* Returns where its nop is. */
static noinline u64 victim(void)
{
	u64 at;

	__asm__ volatile("lea 1f(%%rip), %0\n1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00" : "=r"(at));
	return at;
}

static void nothing(struct kprobe *p, struct pt_regs *regs) {}

/* The least of all calls is one that nothing interrupted. */
static u64 call_ticks(void)
{
	u64 least = ~0ul;

	for (int i = 0; i < COST_RUNS; i++) {
		u64 begin = rdtsc(), ticks;

		victim();
		ticks = rdtsc() - begin;
		if (ticks < least)
			least = ticks;
	}
	return least;
}

s64 kprobe_cost(enum kprobe_technique t, const char **why)
{
	struct kprobe p = { .addr = t == KPROBE_FTRACE ? (u64)victim : victim(),
			    .pre = nothing,
			    .technique = t };
	u64 without = call_ticks(), with;
	int err = kprobe_register(&p, why);

	if (err)
		return err;
	err = kprobe_arm(&p);
	kprobe_settle();
	with = call_ticks();
	kprobe_unregister(&p);
	*why = "Its probe can't be armed";
	return err ? err : with > without ? (s64)(with - without) : 0;
}
