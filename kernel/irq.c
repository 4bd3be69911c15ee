/* Interrupt lines and the local APIC's vectors: who wants them. */
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/serial.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/vectors.h"
#include "context/rcu_read.h"
#include "context/spinlock.h"
#include "kernel/irq_line.h"
#include "kernel/traps.h"
#include "lib/printk.h"
#include "lib/tracepoint.h"

static irq_fn handlers[16], vector_handlers[NR_VECTORS];

static SPINLOCK(mask_lock); /* the controllers' masks are read, changed and written */

void irq_mask(unsigned irq)
{
	u64 flags = spin_lock_irqsave(&mask_lock);

	pic_mask(irq);
	spin_unlock_irqrestore(&mask_lock, flags);
}

void irq_unmask(unsigned irq)
{
	u64 flags = spin_lock_irqsave(&mask_lock);

	pic_unmask(irq);
	spin_unlock_irqrestore(&mask_lock, flags);
}

void irq_give_back(unsigned irq)
{
	if (handlers[irq])
		irq_unmask(irq);
	else
		irq_mask(irq);
}

void irq_set_handler(unsigned irq, irq_fn fn)
{
	handlers[irq] = fn;
	pic_unmask(irq);
}

void vector_set_handler(unsigned vector, irq_fn fn) { vector_handlers[vector] = fn; }

static const char *irq_name(unsigned irq)
{
	static const char *const names[NR_VECTORS] = {
		[IRQ_BASE_VECTOR + COM1_IRQ] = "serial", [VECTOR_TIMER] = "timer",
		[VECTOR_RESCHEDULE] = "reschedule",	 [VECTOR_CALL] = "call",
		[VECTOR_IRQ_WORK] = "irq_work",
	};

	return names[irq + IRQ_BASE_VECTOR] ?: "other";
}

static __always_inline void handle(irq_fn fn)
{
	if (rcu_checked())
		rcu_check_handler(fn);
	else
		fn();
}

/* Apart, so that without events there is nothing to remember while the handler runs. */
static noinline void traced_handle(unsigned irq, irq_fn fn)
{
	tracepoint(irq_handler_entry, (int)irq, irq_name(irq));
	handle(fn);
	tracepoint(irq_handler_exit, (int)irq, 1);
}

static void call(unsigned irq, irq_fn fn)
{
	if (static_branch_unlikely(&event_irq_handler_entry.key) ||
	    static_branch_unlikely(&event_irq_handler_exit.key))
		traced_handle(irq, fn);
	else
		handle(fn);
}

static void apic_dispatch(unsigned vector)
{
	if (vector_handlers[vector]) {
		call(vector - IRQ_BASE_VECTOR, vector_handlers[vector]);
		apic_eoi();
	} else if (vector != VECTOR_SPURIOUS) { /* which wants no acknowledgement */
		printk("irq: vector %u has no source here\n", vector);
		if (apic_in_service((u8)vector))
			apic_eoi(); /* or it would hold off all below it for good */
	}
}

void irq_dispatch(unsigned irq)
{
	if (irq >= 16) {
		apic_dispatch(irq + IRQ_BASE_VECTOR);
		return;
	}
	if (pic_spurious(irq))
		return;
	if (!irq_line_raise(irq) && handlers[irq])
		call(irq, handlers[irq]);
	pic_eoi(irq);
}
