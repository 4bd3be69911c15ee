/* Walks frame pointers. A trap stub leaves rbp = address of its pt_regs with bit 0 set: there the walk goes on in the interrupted context. */
#include "kernel/backtrace.h"

#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/symtab.h"

#define MAX_FRAMES 48

static bool on_stack(u64 addr, size_t size)
{
	const struct kstack *s = stack_of(addr);

	return s && addr % 8 == 0 && addr + size <= s->top;
}

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

void backtrace(struct seq *out, const struct pt_regs *regs)
{
	u64 bp = (u64)__builtin_frame_address(0);
	char buf[8];

	if (regs) {
		seq_printf(out, "  %pS\n", (void *)regs->ip);
		bp = regs->bp;
	}
	for (int n = 0; n < MAX_FRAMES; n++) {
		if (bp & 1) {
			regs = (const struct pt_regs *)(bp & ~1ul);
			if (!on_stack((u64)regs, sizeof(*regs)))
				return;
			seq_printf(out, " <%s>\n  %pS\n", vector_name((unsigned)regs->vector, buf),
				   (void *)regs->ip);
			bp = regs->bp;
			continue;
		}
		if (!on_stack(bp, 16))
			return;
		print_return(out, ((u64 *)bp)[1]);
		bp = ((u64 *)bp)[0];
	}
	seq_puts(out, "  ...\n");
}
