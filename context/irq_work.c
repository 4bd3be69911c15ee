/* A list a CPU, that any context may push on and the CPU's own interrupt empties. */
#include "context/irq_work.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"

static DEFINE_PER_CPU(struct irq_work *, queued); /* the newest first */
static DEFINE_PER_CPU(bool, can_raise);

static void raise(void)
{
	if (this_cpu(can_raise))
		apic_send_ipi(cpu_apic_id[this_cpu(cpu_number)], VECTOR_IRQ_WORK);
}

/*
 * Claimed and then linked. No probe may sit between the two: a recursion that began there and was undone by
 * bust_kprobes() would leave the work pending for ever.
 */
static __kprobes bool push(struct irq_work *w, bool *first)
{
	struct irq_work **list = this_cpu_ptr(queued), *head;

	if (__atomic_exchange_n(&w->pending, 1, __ATOMIC_SEQ_CST))
		return false;
	head = READ_ONCE(*list);
	do { /* an NMI may push in the middle; nobody but this CPU's own interrupt takes away */
		w->next = head;
	} while (!__atomic_compare_exchange_n(list, &head, w, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	*first = !head;
	return true;
}

bool irq_work_queue(struct irq_work *w)
{
	u64 flags = local_irq_save(); /* it stays this CPU */
	bool first = false, mine = push(w, &first);

	if (first) /* else the interrupt is on its way */
		raise();
	local_irq_restore(flags);
	return mine;
}

static struct irq_work *reverse(struct irq_work *w)
{
	struct irq_work *done = NULL;

	while (w) {
		struct irq_work *next = w->next;

		w->next = done;
		done = w;
		w = next;
	}
	return done;
}

void irq_work_interrupt(void)
{
	struct irq_work *w = reverse(__atomic_exchange_n(this_cpu_ptr(queued), NULL, __ATOMIC_ACQUIRE));

	while (w) {
		struct irq_work *next = w->next;

		/* Before the call: whoever finds it pending must find the function still to come. */
		__atomic_exchange_n(&w->pending, 0, __ATOMIC_SEQ_CST);
		w->fn(w); /* and is not looked at again */
		w = next;
	}
}

void irq_work_init_cpu(void)
{
	u64 flags = local_irq_save();

	this_cpu(can_raise) = true;
	barrier(); /* an NMI that queues from here on raises it itself; one before is seen below */
	if (READ_ONCE(*this_cpu_ptr(queued)))
		raise();
	local_irq_restore(flags);
}
