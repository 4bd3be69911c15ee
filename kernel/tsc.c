/*
 * Periods of the PIT, waited for in hlt: no loop that a slow or counting emulator would stretch.
 *
 * A host may take the CPU away at any instruction, and for longer than such a period. So all clocks are read together, at the
 * beginning and at the end, as fast as one of a few tries was; and what comes of it counts when it has come out twice.
 */
#include "kernel/tsc.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/watch.h"
#include "kernel/traps.h"
#include "lib/bug.h"
#include "lib/printk.h"

#define PIT_IRQ	    0
#define PIT_CH0	    0x40
#define PIT_COMMAND 0x43
#define PIT_HZ	    1193182
#define PIT_LATCH   0 /* channel 0's count, to be read afterwards */
#define PIT_ONCE \
	0x30 /* channel 0, low byte then high, mode 0: one interrupt at zero, from where it counts on, round and round */
#define PERIOD_MS 5
#define TRIES	  4   /* at reading all clocks at once */
#define PERIODS	  32  /* at most */
#define ALIKE	  256 /* of two frequencies: they differ by less than so small a part */

static volatile bool fired;

static void pit_tick(void) { fired = true; }

/* One moment by all clocks, the last two of which count down. */
struct moment {
	u64 tsc;
	u32 apic;
	u16 pit;
};

static struct moment now(void)
{
	struct moment best = { 0 };
	u64 shortest = ~0ul;

	for (int i = 0; i < TRIES; i++) {
		u64 before = rdtsc(), took;
		u32 apic;
		u16 pit;

		outb(PIT_COMMAND, PIT_LATCH);
		apic = apic_timer_calibrate_read();
		took = rdtsc() - before;
		pit = inb(PIT_CH0);
		pit |= (u16)(inb(PIT_CH0) << 8);
		if (took >= shortest)
			continue;
		shortest = took;
		best = (struct moment){ .tsc = before + took / 2, .apic = apic, .pit = pit };
	}
	return best;
}

/* Ticks in a time. Wrong when that was longer than the PIT's round, 55 ms. */
struct period {
	u64 tsc, apic, ns;
};

static struct period measure(void)
{
	const u32 count = PIT_HZ * PERIOD_MS / 1000;
	struct moment from, to;

	fired = false;
	outb(PIT_COMMAND, PIT_ONCE);
	outb(PIT_CH0, (u8)count);
	outb(PIT_CH0, (u8)(count >> 8));
	from = now();
	while (!fired) {
		cpu_idle();
		local_irq_disable();
	}
	to = now();
	return (struct period){
		.tsc = to.tsc - from.tsc,
		.apic = from.apic - to.apic,
		.ns = (u16)(from.pit - to.pit) * 1000000000ul / PIT_HZ,
	};
}

static u64 khz(const struct period *p) { return p->ns ? p->tsc * 1000000 / p->ns : 0; }

static bool alike(u64 a, u64 b)
{
	u64 differ = a > b ? a - b : b - a;

	return b && differ <= b / ALIKE;
}

u64 tsc_calibrate(u64 *waited)
{
	u64 seen[PERIODS], start = rdtsc();
	struct period p = { 0 };
	bool agreed = false;

	irq_set_handler(PIT_IRQ, pit_tick);
	preempt_disable(); /* as idle threads have it */
	local_irq_disable();
	apic_timer_calibrate_begin();
	for (unsigned n = 0; n < PERIODS && !agreed; n++) {
		p = measure();
		seen[n] = khz(&p);
		for (unsigned i = 0; i < n; i++)
			agreed |= alike(seen[i], seen[n]);
	}
	if (!p.ns)
		panic("boot: the PIT doesn't count");
	apic_timer_calibrate_end(p.apic, p.ns);
	local_irq_enable();
	preempt_enable();
	pic_mask(PIT_IRQ);
	*waited += rdtsc() - start;
	if (!agreed)
		printk("tsc: of %u measurements no two agree\n", PERIODS);
	return khz(&p);
}
