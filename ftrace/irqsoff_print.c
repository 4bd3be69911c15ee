/* The longest stretch with interrupts off as text: Linux's latency format. */
#include "ftrace/irqsoff.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/paging.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "trace/event.h"
#include "trace/output.h"

static void print_ip(struct seq *out, u64 ip)
{
	struct symbol sym;

	/* The call before it: it may be the function's last instruction. */
	if (symtab_find(&kernel_symtab, ip - 1, &sym) || symtab_find(&kernel_symtab, ip, &sym))
		seq_puts(out, sym.name);
	else
		seq_printf(out, "0x%lx", ip);
}

/* There are no users, and priorities are not Linux's. */
static void print_head(struct seq *out, const struct irqsoff_longest *l)
{
	char comm[16];

	seq_printf(out, "# irqsoff latency trace v1.1.5 on nestling\n"
			"# --------------------------------------------------------------------\n");
	seq_printf(out, "# latency: %lu us, #%u/%u, CPU#%u | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:%u)\n",
		   l->ns / 1000, l->nr, l->written, l->cpu, nr_cpus_up());
	seq_printf(out,
		   "#    -----------------\n#    | task: %s-%d (uid:0 nice:0 policy:0 rt_prio:0)\n"
		   "#    -----------------\n",
		   comm_of(l->pid, comm), l->pid);
	seq_puts(out, "#  => started at: ");
	print_ip(out, l->began_at);
	seq_puts(out, "\n#  => ended at:   ");
	print_ip(out, l->ended_at);
	seq_puts(out, "\n#\n#\n"
		      "#                    _------=> CPU#            \n"
		      "#                   / _-----=> irqs-off/BH-disabled\n"
		      "#                  | / _----=> need-resched    \n"
		      "#                  || / _---=> hardirq/softirq \n"
		      "#                  ||| / _--=> preempt-depth   \n"
		      "#                  |||| / _-=> migrate-disable \n"
		      "#                  ||||| /     delay           \n"
		      "#  cmd     pid     |||||| time  |   caller     \n"
		      "#     \\   /        ||||||  \\    |    /       \n");
}

static char mark_of(u64 ns)
{
	static const u64 above[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000 };

	for (size_t i = 0; i < ARRAY_SIZE(above); i++)
		if (ns > above[i])
			return "$@*#!+"[i];
	return ' ';
}

static void print_note(struct seq *out, const struct irqsoff_longest *l, const struct irqsoff_note *n,
		       u64 next)
{
	u8 flags = trace_entry_context_flags(n->word);
	u32 depth = min((u32)n->word & PREEMPT_MASK, 15u);
	char comm[16];

	seq_printf(out, "%8.8s-%-7d %3ud%c%c%c. %4luus%c: ", comm_of(n->pid, comm), n->pid, l->cpu,
		   flags & TRACE_FLAG_NEED_RESCHED ? 'N' : '.',
		   flags & TRACE_FLAG_NMI	? flags & TRACE_FLAG_HARDIRQ ? 'Z' : 'z'
		   : flags & TRACE_FLAG_HARDIRQ ? 'h'
						: '.',
		   depth ? "0123456789abcdef"[depth] : '.', (n->time - l->notes[0].time) / 1000,
		   mark_of(next));
	print_ip(out, n->ip);
	seq_puts(out, " <-");
	print_ip(out, n->parent_ip);
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
	if (copy.nr)
		print_head(out, &copy);
	for (u32 i = 0; i < copy.nr; i++)
		print_note(out, &copy, &copy.notes[i],
			   i + 1 < copy.nr ? copy.notes[i + 1].time - copy.notes[i].time : 0);
	frames_free(pa, pages);
	return 0;
}

const struct trace_look irqsoff_look = { .show = show };
