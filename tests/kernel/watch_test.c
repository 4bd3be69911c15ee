/* Is RCU watching? From every state it is said to be, in every context that may read, and afterwards as before. */
#include "context/watch.h"

#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/extable.h"
#include "context/context.h"
#include "kernel/traps.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

#define IRQ 5

KTEST(watch, nmis_nest_in_a_watched_context)
{
	u64 counter = this_cpu(watch).counter;

	EXPECT(rcu_is_watching());
	for (u32 depth = 1; depth <= 5; depth++) {
		rcu_nmi_enter();
		EXPECT_EQ(this_cpu(watch).nmi_nesting, 2 * depth);
	}
	EXPECT(rcu_is_watching());
	for (int i = 0; i < 5; i++)
		rcu_nmi_exit();
	EXPECT_EQ(this_cpu(watch).nmi_nesting, 0);
	EXPECT_EQ(this_cpu(watch).counter, counter);
	EXPECT_EQ(this_cpu(watch).nesting, 1);
}

/* What is seen while RCU isn't watching is kept, and judged afterwards: judging reads what RCU protects. */
#define IDLE(...)                              \
	do {                                   \
		u64 _flags = local_irq_save(); \
		rcu_idle_enter();              \
		__VA_ARGS__;                   \
		rcu_idle_exit();               \
		local_irq_restore(_flags);     \
	} while (0)

static struct watch watch_now(void)
{
	return (struct watch){ this_cpu(watch).counter, this_cpu(watch).nesting,
			       this_cpu(watch).nmi_nesting };
}

KTEST(watch, nmis_nest_in_idle)
{
	struct watch before = watch_now(), w[5];

	IDLE(w[0] = watch_now(); rcu_nmi_enter(); w[1] = watch_now(); rcu_nmi_enter(); w[2] = watch_now();
	     rcu_nmi_exit(); w[3] = watch_now(); rcu_nmi_exit(); w[4] = watch_now());
	EXPECT_EQ(before.counter & 1, 1);
	for (u32 i = 0; i < 5; i++) {
		static const struct watch want[5] = {
			{ 1, 0, 0 }, { 2, 0, 1 }, { 2, 0, 3 }, { 2, 0, 1 }, { 3, 0, 0 }
		};

		EXPECT_EQ(w[i].counter, before.counter + want[i].counter);
		EXPECT_EQ(w[i].nesting, want[i].nesting);
		EXPECT_EQ(w[i].nmi_nesting, want[i].nmi_nesting);
	}
	EXPECT_EQ(this_cpu(watch).counter, before.counter + 4);
	EXPECT_EQ(this_cpu(watch).nesting, 1);
	EXPECT_EQ(this_cpu(watch).nmi_nesting, 0);
}

CODE(idle_step, "", "nop", "", "");

static struct {
	unsigned calls;
	bool watching;
	struct watch watch, after_fault;
} seen;

static void note(void)
{
	seen.calls++;
	seen.watching = rcu_is_watching();
	seen.watch = watch_now();
}
static void note_in_probe(struct kprobe *p, struct pt_regs *regs) { note(); }
static void note_and_fault(struct kprobe *p, struct pt_regs *regs)
{
	u8 byte;

	note();
	kernel_read_nofault(&byte, (void *)0x6000, 1);
	seen.after_fault = watch_now();
}

static void call_idle_step(void)
{
	struct machine m = machine_pattern;

	m.flags = 2;
	machine_run(&m, idle_step);
}

/* The int3 started and ended the watching; and #DB, where a handler was called in it. */
static void step_in_idle(void (*post)(struct kprobe *p, struct pt_regs *regs), u32 flips)
{
	struct kprobe p = {
		.addr = idle_step_at[0], .pre = note_in_probe, .post = post, .technique = KPROBE_STEP
	};
	struct watch before = watch_now(), idle, after;

	seen.calls = 0;
	if (!probe_on(&p))
		return;
	IDLE(idle = watch_now(); call_idle_step(); after = watch_now());
	probe_off(&p);
	EXPECT_EQ(seen.calls, flips / 2);
	EXPECT(seen.watching);
	EXPECT_EQ(seen.watch.counter, idle.counter + flips - 1);
	EXPECT_EQ(seen.watch.nesting, 0);
	EXPECT_EQ(seen.watch.nmi_nesting, 1);
	EXPECT_EQ(after.counter, idle.counter + flips);
	EXPECT_EQ(after.nmi_nesting, 0);
	EXPECT_EQ(idle.counter & 1, 0);
	EXPECT_EQ(this_cpu(watch).counter, before.counter + flips + 2);
}

KTEST(watch, an_int3_in_idle_is_watched)
{
	step_in_idle(NULL, 2);
}
KTEST(watch, an_int3_in_idle_and_its_step_are_watched)
{
	step_in_idle(note_in_probe, 4);
}

/* The #PF comes while only the int3 watches: it must neither end that nor believe it has to begin it. */
KTEST(watch, a_fault_in_an_int3_in_idle_stays_watched)
{
	struct kprobe p = { .addr = idle_step_at[0], .pre = note_and_fault, .technique = KPROBE_STEP };
	struct watch idle, after;

	if (!probe_on(&p))
		return;
	IDLE(idle = watch_now(); call_idle_step(); after = watch_now());
	probe_off(&p);
	EXPECT(seen.watching);
	EXPECT_EQ(seen.after_fault.counter, seen.watch.counter);
	EXPECT_EQ(seen.after_fault.nesting, 0);
	EXPECT_EQ(seen.after_fault.nmi_nesting, 1);
	EXPECT_EQ(after.counter, idle.counter + 2);
}

KTEST(watch, an_irq_in_idle_is_watched)
{
	struct watch idle, after;

	seen.calls = 0;
	irq_set_handler(IRQ, note);
	pic_mask(IRQ);
	IDLE(idle = watch_now(); __asm__ volatile("int $0x25"); after = watch_now());
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
	EXPECT_EQ(seen.calls, 1);
	EXPECT(seen.watching);
	EXPECT_EQ(seen.watch.nesting, 1);
	EXPECT_EQ(after.counter, idle.counter + 2);
	EXPECT_EQ(after.nesting, 0);
}

/* A probe on what the NMI calls is the only witness inside. */
KTEST(watch, an_nmi_in_idle_is_watched)
{
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = note_in_probe, .technique = KPROBE_STEP };
	struct watch idle, after;
	u64 nmis = nmi_count;

	seen.calls = 0;
	kprobe_unsafe =
		true; /* hidden, since an int3 in there lets in the next NMI: none comes by itself here */
	if (!probe_on(&p))
		return;
	nmi_expect(this_cpu(cpu_number));
	IDLE(idle = watch_now(); __asm__ volatile("int $2"); after = watch_now());
	probe_off(&p);
	kprobe_unsafe = false;
	EXPECT_EQ(nmi_count, nmis + 1);
	EXPECT_EQ(seen.calls, 1);
	EXPECT(seen.watching);
	EXPECT_EQ(seen.watch.nmi_nesting, 3); /* the NMI's 1, and 2 for the int3 in it */
	EXPECT_EQ(after.counter, idle.counter + 2);
	EXPECT_EQ(after.nmi_nesting, 0);
}
