/*
 * An entry path and its twin: both call the same visible function, the hidden one when RCU watches, the exposed one before that. The function
 * does nothing wrong, but an instrument in it runs where it is called.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/vectors.h"
#include "context/rcu_read.h"
#include "context/trap.h"
#include "lib/ctl.h"
#include "lib/instrumentation.h"
#include "lib/string.h"

static bool exposed;
static const char *last;
static volatile bool watched; /* was RCU watching when it was called? */
static u32 reports;

/* What is to be traced or probed. */
static noinline void twin_step(void) { watched = rcu_is_watching(); }

/* The checker of hidden code has a line that allows the first call (tools/noinstr-check/tables.c): without it there is no kernel. */
noinstr void do_twin(struct pt_regs *regs)
{
	if (exposed)
		twin_step();
	irqentry_enter();
	instrumentation_begin();
	if (!exposed)
		twin_step();
	instrumentation_end();
	irqentry_exit();
}

/* Hidden: as in idle, nothing may be traced while RCU looks away. */
static noinstr void interrupt_idle(void)
{
	u64 flags = raw_local_irq_save();

	rcu_idle_enter();
	__asm__ volatile("int %0" : : "i"(VECTOR_TWIN) : "memory");
	rcu_idle_exit();
	raw_local_irq_restore(flags);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	if (last)
		seq_printf(out, "%s: RCU %s in twin_step(), %u reports\n", last,
			   watched ? "was watching" : "wasn't watching", reports);
	else
		seq_puts(out, "none\n");
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	static const char *const twins[] = { "hidden", "exposed" };
	unsigned n = 0;
	u32 before;

	while (len && isspace(text[len - 1]))
		len--;
	while (n < ARRAY_SIZE(twins) && (strlen(twins[n]) != len || memcmp(twins[n], text, len) != 0))
		n++;
	if (n == ARRAY_SIZE(twins))
		return -EINVAL;
	exposed = n;
	last = twins[n];
	preempt_disable();
	before = rcu_check_reports;
	interrupt_idle();
	reports = rcu_check_reports - before;
	preempt_enable();
	return 0;
}
CTL_FILE(ctl_rcu_twin, .path = "rcu/twin", .show = show, .store = store);
