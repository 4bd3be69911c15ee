/*
 * Interrupt lines as objects: who has a handle of one is told by a notification when it asks, and says when it may ask again. In
 * between it is masked, so that what nobody takes care of doesn't keep a CPU busy.
 */
#pragma once

#include "kernel/notification.h"

struct irq_line {
	struct object object;
	unsigned irq;
	struct notification *n; /* with a reference; NULL: not bound */
	u64 bits;
};

/* Thread context. With one reference, and the only one of its line; NULL: no memory, or there is one. */
struct irq_line *irq_line_create(unsigned irq);
/*
 * Thread context. From now on the line's interrupts set @bits of @n; what was bound is so no more, and who in the kernel had the
 * line has it again when the object goes. The line may ask.
 */
void irq_line_bind(struct irq_line *l, struct notification *n, u64 bits);
/* Thread context. -EINVAL: nothing is bound. */
int irq_line_done(struct irq_line *l);
/* Hardirq context. False: the line is nobody's object, or nothing is bound. */
bool irq_line_raise(unsigned irq);
