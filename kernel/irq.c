/* Interrupt lines and NMIs: who wants them; and idling, which waits for them. */
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "context/watch.h"
#include "kernel/traps.h"
#include "lib/compiler.h"
#include "lib/printk.h"

static irq_fn handlers[16];
u64 nmi_count;

void irq_set_handler(unsigned irq, irq_fn fn)
{
	handlers[irq] = fn;
	pic_unmask(irq);
}

void irq_dispatch(unsigned irq)
{
	if (irq >= 16) {
		printk("irq: vector %u has no source here\n", irq + 32);
		return;
	}
	if (pic_spurious(irq))
		return;
	if (handlers[irq])
		handlers[irq]();
	pic_eoi(irq);
}

/* __kprobes: an int3 in an NMI handler ends the masking of NMIs, and the next one would overwrite this one's frame. */
__kprobes void nmi_arrived(struct pt_regs *regs) { nmi_count++; }

/* Hidden: between rcu_idle_enter() and _exit() nothing may be traced, and a probed sti would lose its shadow. */
noinstr void cpu_idle(void)
{
	rcu_idle_enter();
	safe_halt();
	local_irq_disable();
	rcu_idle_exit();
	local_irq_enable();
}
