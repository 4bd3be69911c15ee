/* The chain of callers as text. */
#include "kernel/backtrace.h"

#include "arch/x86/entry/unwind.h"
#include "arch/x86/entry/vectors.h"
#include "lib/symtab.h"

/*
 * A return address is looked up by the call before it: a call that never returns may be its
 * function's last instruction, and the address after it belongs to the next one.
 */
static void print_return(struct seq *out, u64 ip)
{
	struct symbol sym;

	if (symtab_find(&kernel_symtab, ip - 1, &sym))
		seq_printf(out, "  %s+0x%lx/0x%lx\n", sym.name, ip - sym.start, sym.size);
	else
		seq_printf(out, "  0x%lx\n", ip);
}

static bool print_place(void *arg, enum unwind_kind kind, u64 value, const void *frame)
{
	struct seq *out = arg;
	char buf[8];

	if (kind == UNWIND_RETURN)
		print_return(out, value);
	else if (kind == UNWIND_TRAP)
		seq_printf(out, " <%s>\n", vector_name((unsigned)value, buf));
	else
		seq_printf(out, "  %pS\n", (void *)value);
	return true;
}

void backtrace(struct seq *out, const struct pt_regs *regs)
{
	if (!unwind(regs, __builtin_frame_address(0), print_place, out))
		seq_puts(out, "  ...\n");
}
