/* irq_work: from any context, even one that may do next to nothing, to the next moment when interrupts can come. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct irq_work {
	void (*fn)(struct irq_work *w);
	/* irq_work.c's own. */
	struct irq_work *next;
	u32 pending;
};

#define IRQ_WORK_INIT(f)  \
	{                 \
		.fn = (f) \
	}
#define IRQ_WORK(name, f) struct irq_work name = IRQ_WORK_INIT(f)

/*
 * Any context, NMI and int3 included. This CPU will call @w->fn(@w) once, in hardirq context, as soon as it takes
 * interrupts, after what was queued before. False: it is pending already, here or on another CPU. The function may
 * queue its work again. What the caller wrote before is seen by the function, even when this says false.
 */
bool irq_work_queue(struct irq_work *w);

/* Each CPU once, when its local APIC is on and the vector has its handler. What was queued before is run now. */
void irq_work_init_cpu(void);
/* Hardirq context: VECTOR_IRQ_WORK's handler. */
void irq_work_interrupt(void);
