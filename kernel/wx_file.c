/*
 * The file "wx": is kernel text writable, under any name, now or during the last observed poke?
 *
 * Two independent answers: the page tables are walked, and writes are tried.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "arch/x86/mm/wx.h"
#include "context/context.h"
#include "context/watch.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/symtab.h"

static struct {
	unsigned pokes;
	u64 addr, alias;
	struct wx_result tables, shared;
} seen;

/* What each CPU finds in the tables that it has loaded when it is asked: a thread's, a process's, at poking none. */
static struct wx_result loaded[NR_CPUS];

/* In the context of the poke: that may be the double fault handler's. */
static void observe(void *addr, u64 alias)
{
	seen.pokes++;
	seen.addr = (u64)addr;
	seen.alias = alias;
	/* The others may be in any process's tables; what these have of the kernel is what all have. */
	wx_check_poke((u64)boot_pml4 - KERNEL_BASE, &seen.tables, &seen.shared);
}

static void walk_here(void *arg) { wx_check(&loaded[this_cpu(cpu_number)]); }

/* Writes back the byte that is there, so that a success, which is the failure here, does no harm. */
static unsigned try_write(struct seq *out, const char *what, u64 addr)
{
	u8 byte = 0;
	bool readable = kernel_read_nofault(&byte, (void *)addr, 1) == 0;
	bool written = kernel_write_nofault((void *)addr, byte) == 0;

	seq_printf(out, "  write to %-34s %016lx: %s\n", what, addr,
		   written    ? "DONE: it is writable"
		   : readable ? "faults: read-only"
			      : "faults: not mapped");
	return written;
}

static void show_counts(struct seq *out, const char *which, const struct wx_result *r)
{
	seq_printf(out, "  %-33s %4u mappings, %3u executable, %u of those writable under any name\n", which,
		   r->leaves, r->executable, r->violations);
}

static unsigned show_result(struct seq *out, const char *which, const struct wx_result *r)
{
	show_counts(out, which, r);
	if (r->violations)
		seq_printf(out, "    %pS is writable at %016lx\n", (void *)r->bad_exec, r->bad_write);
	return r->violations;
}

static unsigned show_loaded(struct seq *out)
{
	unsigned bad = 0;

	preempt_disable();
	walk_here(NULL);
	preempt_enable();
	smp_call_others(walk_here, NULL);
	for (u32 cpu = 0; cpu < nr_cpus_up(); cpu++) {
		char which[34];

		snprintf(which, sizeof(which), "the tables of CPU %u now", cpu);
		bad += show_result(out, which, &loaded[cpu]);
	}
	return bad;
}

static unsigned show_for_poking(struct seq *out)
{
	struct wx_result r;

	wx_check_root(text_poke_root(), &r);
	return show_result(out, "the tables for poking, at rest", &r);
}

static unsigned show_poke(struct seq *out)
{
	/* The alias itself, and nothing else: same frame, same byte. */
	bool only_alias = seen.tables.violations == 1 &&
			  seen.tables.bad_write == (seen.alias & ~(PAGE_SIZE - 1)) &&
			  seen.tables.bad_exec == (seen.addr & ~(PAGE_SIZE - 1));

	seq_printf(out, "during the last of %u observed pokes, at %pS:\n", seen.pokes, (void *)seen.addr);
	show_counts(out, "the poking CPU's tables", &seen.tables);
	seq_printf(out, "    %s\n",
		   only_alias ? "the one name is the alias: writable, not executable, in these tables only"
			      : "NOT just the poke's alias");
	return !only_alias + show_result(out, "what all CPUs have of the kernel", &seen.shared);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	u64 text = (u64)rcu_nmi_enter, slot_pa = virt_to_phys((void *)SLOT_AREA);
	unsigned bad = 0;

	seq_puts(out, "page tables, walked from CR3:\n");
	bad += show_loaded(out);
	bad += show_for_poking(out);
	if (seen.pokes)
		bad += show_poke(out);
	seq_puts(out, "and by trying:\n");
	bad += try_write(out, "text", text);
	bad += try_write(out, "text in the direct map", DIRECT_MAP + text - KERNEL_BASE);
	bad += try_write(out, "a probe slot", SLOT_AREA);
	bad += try_write(out, "the slot in the direct map", DIRECT_MAP + slot_pa);
	bad += try_write(out, "read-only data (the symbol table)", (u64)kernel_symtab.strings);
	bad += try_write(out, "the poke's alias", 0x1000);
	bad += try_write(out, "the emergency poke's alias", 0x4000);
	return bad ? -EIO : 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 on;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	seen.pokes = 0;
	text_poke_observer = on ? observe : NULL;
	return 0;
}
CTL_FILE(ctl_wx, .path = "wx", .show = show, .store = store);
