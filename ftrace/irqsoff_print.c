/* The longest stretch with interrupts off as text: Linux's latency format. */
#include "ftrace/irqsoff.h"
#include "ftrace/ftrace.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/paging.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "trace/event.h"
#include "trace/output.h"

/* A traced function's entry, or where the stretch began or ended: behind a call. */
static void print_place(struct seq *out, u64 ip)
{
	if (ftrace_site_at(ip))
		trace_print_ip(out, ip);
	else
		trace_print_caller(out, ip);
}

static void print_note(struct seq *out, const struct irqsoff_longest *l, u32 i)
{
	const struct irqsoff_note *n = &l->notes[i];
	struct trace_entry entry = { TRACE_FN, TRACE_FLAG_IRQS_OFF | trace_entry_context_flags(n->word),
				     (u8)n->word, n->pid };
	struct ring_event event = { .time = n->time, .cpu = l->cpu, .entry = &entry };

	trace_print_latency_context(out, &event, l->notes[0].time, i + 1 < l->nr ? n[1].time - n->time : 0,
				    i + 1);
	print_place(out, n->ip);
	seq_puts(out, " <-");
	trace_print_caller(out, n->parent_ip);
	seq_putc(out, '\n');
}

static struct irqsoff_longest copy; /* readers come one at a time */

static void take_copy(struct irqsoff_note *notes)
{
	u64 flags = local_irq_save();

	irqsoff_take();
	copy = irqsoff_longest;
	copy.notes = memcpy(notes, irqsoff_longest.notes, irqsoff_longest.nr * sizeof(*notes));
	irqsoff_give_back();
	local_irq_restore(flags);
}

static int show(struct seq *out)
{
	size_t pages = IRQSOFF_NOTES * sizeof(struct irqsoff_note) / PAGE_SIZE;
	u64 pa = frames_alloc(pages);

	if (!pa)
		return -ENOMEM;
	take_copy(phys_to_virt(pa));
	seq_printf(out, "# tracer: %s\n#\n", current_tracer_name);
	trace_latency = (struct trace_latency){ copy.ns, copy.began_at, copy.ended_at, copy.cpu, copy.pid };
	trace_print_latency_header(out, copy.nr, copy.written);
	for (u32 i = 0; i < copy.nr; i++)
		print_note(out, &copy, i);
	frames_free(pa, pages);
	return 0;
}

const struct trace_look irqsoff_look = { .show = show };
