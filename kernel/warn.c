/* Something is wrong, and everything goes on: told whole, in one message, from whatever context it is found in. */
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/watch.h"
#include "kernel/backtrace.h"
#include "kernel/panic.h"
#include "lib/bug.h"
#include "lib/instrumentation.h"
#include "lib/printk.h"
#include "lib/seq.h"
#include "trace/black_box.h"

#define REPORT_SIZE    4096
#define BLACK_BOX_TAIL 12

/* A CPU each: what all of them find at once, each tells once and for all. */
static char reports[NR_CPUS][REPORT_SIZE];
/* It is being written, by a context that this one has interrupted: 1, and the NMI depth there. */
static DEFINE_PER_CPU(u32, busy);
/* Where the black box stood at the last report: what is found wrong rarely comes alone, and one tail is enough for all of it. */
static DEFINE_PER_CPU(u32, told);

static void write_report(struct seq *out, const char *fmt, va_list ap, bool was_watching)
{
	seq_vprintf(out, fmt, ap);
	seq_puts(out, "\n");
	print_context(out, was_watching);
	seq_puts(out, "backtrace:\n");
	backtrace(out, NULL);
	if (this_cpu(told) == black_box_mark()) {
		seq_puts(out, "black box: no record since the last report\n");
		return;
	}
	this_cpu(told) = black_box_mark();
	seq_puts(out, "black box, the last records:\n");
	black_box_list(out, 0, BLACK_BOX_TAIL);
}

static void tell(const char *fmt, va_list ap, bool was_watching)
{
	char *report = reports[this_cpu(cpu_number)];
	struct seq_buf b;

	if (this_cpu(busy)) {
		vprintk(fmt, ap);
		printk(" (while another report is written)\n");
		return;
	}
	this_cpu(busy) = nmi_depth() + 1;
	barrier();
	seq_buf_init(&b, report, REPORT_SIZE);
	write_report(&b.seq, fmt, ap, was_watching);
	printk("%s%s", report, b.seq.overflow ? "\n" : "");
	barrier();
	this_cpu(busy) = 0;
}

void warn_recovered(void)
{
	if (this_cpu(busy) > nmi_depth())
		this_cpu(busy) = 0;
}

/*
 * Where RCU isn't watching, it must while this is told: what tells it is ordinary code, traced and with readers.
 * rcu_nmi_enter() does that from any state, also in the middle of any of its own kind. noinstr for that reason.
 */
noinstr void warn(const char *fmt, ...)
{
	u64 flags = raw_local_irq_save();
	bool watching = rcu_is_watching();
	va_list ap;

	rcu_nmi_enter();
	instrumentation_begin();
	va_start(ap, fmt);
	tell(fmt, ap, watching);
	va_end(ap);
	instrumentation_end();
	rcu_nmi_exit();
	raw_local_irq_restore(flags);
}
