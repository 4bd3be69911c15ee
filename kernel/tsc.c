/* One PIT period of 10 ms, waited for in hlt: no loop that a slow or counting emulator would stretch. */
#include "kernel/tsc.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/watch.h"
#include "kernel/traps.h"

#define PIT_IRQ	    0
#define PIT_CH0	    0x40
#define PIT_COMMAND 0x43
#define PIT_HZ	    1193182
#define PIT_ONCE    0x30 /* channel 0, low byte then high, mode 0: one interrupt at zero */
#define PERIOD_MS   10

static volatile bool fired;

static void pit_tick(void) { fired = true; }

u64 tsc_calibrate(u64 *waited)
{
	u32 count = PIT_HZ * PERIOD_MS / 1000;
	u64 start, ticks;

	irq_set_handler(PIT_IRQ, pit_tick);
	preempt_disable(); /* as idle threads have it */
	local_irq_disable();
	fired = false;
	outb(PIT_COMMAND, PIT_ONCE);
	outb(PIT_CH0, (u8)count);
	outb(PIT_CH0, (u8)(count >> 8));
	apic_timer_calibrate_begin();
	start = rdtsc();
	while (!fired) {
		cpu_idle();
		local_irq_disable();
	}
	ticks = rdtsc() - start;
	apic_timer_calibrate_end(PERIOD_MS * 1000000ul);
	local_irq_enable();
	preempt_enable();
	pic_mask(PIT_IRQ);
	*waited += ticks;
	return ticks / PERIOD_MS;
}
