/*
 * The file "wx": is kernel text writable, under any name, now or during the last observed poke?
 *
 * Two independent answers: the page tables are walked, and writes are tried.
 */
#include "abi/errno.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "arch/x86/mm/wx.h"
#include "context/watch.h"
#include "lib/ctl.h"
#include "lib/symtab.h"

static struct {
	unsigned pokes;
	u64 addr, alias;
	struct wx_result tables;
} seen;

/* In the context of the poke: that may be the double fault handler's. */
static void observe(void *addr, u64 alias)
{
	seen.pokes++;
	seen.addr = (u64)addr;
	seen.alias = alias;
	wx_check(&seen.tables);
}

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

static unsigned show_tables(struct seq *out, const char *which, u64 root)
{
	struct wx_result r;

	wx_check_root(root, &r);
	seq_printf(out, "  %-33s %4u mappings, %3u executable, %u of those writable under any name\n", which,
		   r.leaves, r.executable, r.violations);
	if (r.violations)
		seq_printf(out, "    %pS is writable at %016lx\n", (void *)r.bad_exec, r.bad_write);
	return r.violations;
}

static unsigned show_poke(struct seq *out)
{
	/* The alias itself, and nothing else: same frame, same byte. */
	bool only_alias = seen.tables.violations == 1 &&
			  seen.tables.bad_write == (seen.alias & ~(PAGE_SIZE - 1)) &&
			  seen.tables.bad_exec == (seen.addr & ~(PAGE_SIZE - 1));

	seq_printf(out, "during the last of %u observed pokes, at %pS:\n", seen.pokes, (void *)seen.addr);
	seq_printf(out, "  %-33s %4u mappings, %3u executable, %u of those writable under any name\n",
		   "the poking CPU's tables", seen.tables.leaves, seen.tables.executable,
		   seen.tables.violations);
	seq_printf(out, "    %s\n",
		   only_alias ? "the one name is the alias: writable, not executable, in these tables only"
			      : "NOT just the poke's alias");
	return !only_alias;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	u64 text = (u64)rcu_nmi_enter, slot_pa = virt_to_phys((void *)SLOT_AREA);
	unsigned bad = 0;

	seq_puts(out, "page tables, walked from CR3:\n");
	bad += show_tables(out, "the tables in use", (u64)boot_pml4 - KERNEL_BASE);
	bad += show_tables(out, "the tables for poking, at rest", text_poke_root());
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
